// First visits up to the first trades, in an app that tells what is called. What none of them calls is loaded
// when they are over: see xtask/src/record.rs.
import { type Page } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Desk } from '../support/desk.ts';
import { DIST, expect, test } from '../support/world.ts';

const OUT = process.env.FOOLSCAP_RECORD!;
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const TYPES: Record<string, string> = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml', wasm: 'application/wasm' };

/** The app from the recorded build, the API from the server. */
async function visit(page: Page, url: string): Promise<Desk> {
  await page.route(`${url}/**`, async (route) => {
    const name = new URL(route.request().url()).pathname.slice(1) || 'index.html';
    if (name.startsWith('api/')) return route.fallback();
    const contentType = TYPES[name.split('.').pop()!] ?? 'text/html';
    return route.fulfill({ body: readFileSync(join(DIST, name)), contentType });
  });
  const desk = new Desk(page);
  await desk.open(`${url}/`);
  await desk.priced();
  return desk;
}

/** Looks around, then buys. */
async function trade(page: Page, desk: Desk): Promise<void> {
  await desk.amount.fill('1.5');
  await expect(page.getByTestId('preview-total')).toContainText('$');
  await desk.amount.fill('');
  await page.getByTestId('take-25').click();
  await desk.trade('100');
  // The market moves, and the toast goes away, while somebody looks on.
  await page.waitForTimeout(6_000);
}

async function keep(page: Page, name: string): Promise<void> {
  const hits = await page.evaluate(() => [...(globalThis as any).hits]);
  writeFileSync(join(OUT, `${name}.json`), JSON.stringify(hits));
}

test.beforeEach(({ complaints }) => complaints.excuse(/./));

test('in the demo market', async ({ page, world }) => {
  const server = await world.demo();
  const desk = await visit(page, server.url);
  await keep(page, 'demo-opened');
  await page.getByTestId('market').nth(3).click();
  await trade(page, desk);
  await keep(page, 'demo-traded');
});

test('at real prices', async ({ page, world }) => {
  const server = await world.real(await world.coingecko());
  const desk = await visit(page, server.url);
  await trade(page, desk);
  await page.waitForTimeout(3_000);
  await keep(page, 'real');
});

test('on a phone, in the dark', async ({ browser, world }) => {
  const server = await world.demo();
  const context = await browser.newContext({ ...PHONE, colorScheme: 'dark', serviceWorkers: 'block' });
  const page = await context.newPage();
  const desk = await visit(page, server.url);
  await page.getByTestId('bar-markets').tap();
  await page.getByTestId('market').nth(2).tap();
  await page.getByTestId('take-25').tap();
  await desk.button.tap();
  await expect(desk.button).toContainText('Confirm');
  await desk.button.tap();
  await expect(desk.toasts.getByTestId('toast')).toHaveCount(1);
  await page.waitForTimeout(2_000);
  await keep(page, 'phone');
  await context.close();
});

test('without a server', async ({ page, world }) => {
  const host = await world.static();
  const desk = await visit(page, host.url);
  await trade(page, desk);
  await keep(page, 'static');
});
