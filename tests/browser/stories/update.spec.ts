// A new version of the app: it announces itself, breaks no open tab, and comes with a reload.
import { type Page } from '@playwright/test';
import { rmSync } from 'node:fs';
import { buildName, makeBuild } from '../support/builds.ts';
import { Desk } from '../support/desk.ts';
import { DIST, expect, test } from '../support/world.ts';

/** The tab comes to the front: a moment at which the page looks for a newer build. */
const look = (page: Page) => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })));
const build = (page: Page) => page.locator('html').getAttribute('data-build');
/** The page asks for one of the files it runs from, as it does when it loads something late. */
const status = (page: Page, file: string) => page.evaluate(async (file) => (await fetch(file)).status, file);
const caches = (page: Page) => page.evaluate(async () => (await window.caches.keys()).filter((name) => name.startsWith('foolscap')));

test('a tab of the old build trades on when a new one is served, says so, and has it after a reload', async ({ context, page, world, complaints }) => {
  // No backend here: the one question whether there is one is answered by the host's 404.
  complaints.excuseApi();
  const older = makeBuild(DIST, test.info().outputPath('older'), {});
  const newer = makeBuild(DIST, test.info().outputPath('newer'), { renamed: true });
  expect(buildName(newer)).not.toBe(buildName(older));
  const host = await world.static(older);
  const desk = new Desk(page);
  await desk.open(host.url);
  await desk.kept();
  await desk.withoutChance();
  await desk.trade('1000');
  await desk.closeToasts();
  const other = new Desk(await context.newPage());
  await other.open(host.url);
  const files = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name));
  const wasm = files.find((name) => name.endsWith('.wasm'))!;
  await expect(page.getByTestId('banner-update')).toHaveCount(0);

  // The host forgets every file of the old build.
  host.serve(newer);
  expect((await fetch(wasm)).status).toBe(404);
  await look(page);
  await expect(page.getByTestId('banner-update')).toContainText('A new version is ready');
  await expect(other.page.getByTestId('banner-update')).toContainText('Reload when you like');
  expect(await build(page)).toBe(buildName(older));
  expect(await status(page, wasm)).toBe(200);
  await desk.trade('500');
  await expect(desk.toasts).toContainText('Bought');
  await desk.closeToasts();
  const before = await desk.figures();
  const journal = (await desk.exported()).text;

  await page.getByTestId('reload').click();
  await expect(page.locator('html')).toHaveAttribute('data-build', buildName(newer));
  await desk.ready();
  await expect(page.getByTestId('banner-update')).toHaveCount(0);
  expect((await desk.exported()).text).toBe(journal);
  expect((await desk.figures()).cash).toBe(before.cash);

  // The other tab still runs the old build, from files nobody serves any more.
  expect(await build(other.page)).toBe(buildName(older));
  expect(await status(other.page, wasm)).toBe(200);
  await expect(other.page.getByTestId('banner-update')).toBeVisible();
  await other.trade('100');
  await expect(other.toasts).toContainText('Bought');
  expect(await caches(page)).toHaveLength(2);

  // When nobody runs it, it is let go.
  await other.page.close();
  await page.reload();
  await desk.ready();
  await expect.poll(() => caches(page), { timeout: 20_000 }).toEqual([`foolscap / ${buildName(newer)}`]);
  await desk.trade('100');
});

test('a reload by the browser brings the new build as well', async ({ page, world, complaints }) => {
  complaints.excuseApi();
  const older = makeBuild(DIST, test.info().outputPath('older'), {});
  const newer = makeBuild(DIST, test.info().outputPath('newer'), { renamed: true });
  const host = await world.static(older);
  const desk = new Desk(page);
  await desk.open(host.url);
  await desk.kept();
  host.serve(newer);
  await look(page);
  await expect(page.getByTestId('banner-update')).toBeVisible();
  await page.goto(`${host.url}/portfolio`);
  await expect(page.locator('html')).toHaveAttribute('data-build', buildName(newer));
  await expect(page.getByRole('heading', { name: 'Portfolio' })).toBeVisible();
});

test('a build that arrives in pieces is not taken, and the old one goes on', async ({ page, world, complaints }) => {
  complaints.excuseApi();
  const older = makeBuild(DIST, test.info().outputPath('older'), {});
  const newer = makeBuild(DIST, test.info().outputPath('newer'), { renamed: true });
  const host = await world.static(older);
  const desk = new Desk(page);
  await desk.open(host.url);
  await desk.kept();
  // The host has the new worker, but not yet all of its files.
  const torn = makeBuild(newer, test.info().outputPath('torn'), {});
  const name = /'([^']+\.wasm)'/.exec(await (await fetch(`${host.url}/sw.js`)).text())![1]!;
  rmSync(`${torn}/${[...name].join('').replace(/[0-9a-f]{15,16}/, (hash) => [...hash].reverse().join(''))}`);
  host.serve(torn);
  await look(page);
  await page.reload();
  await desk.ready();
  expect(await build(page)).toBe(buildName(older));
  expect(await caches(page)).toEqual([`foolscap / ${buildName(older)}`]);
  await expect(page.getByTestId('banner-update')).toHaveCount(0);

  host.serve(newer);
  await look(page);
  await expect(page.getByTestId('banner-update')).toBeVisible();
});

test('below a path of its host the app finds its files and its pages, with the host and without', async ({ page, world, complaints }) => {
  complaints.excuseApi();
  const placed = makeBuild(DIST, test.info().outputPath('placed'), { base: '/paper/desk/' });
  const host = await world.static(placed, '/paper/desk/');
  const desk = new Desk(page);
  await desk.open(`${host.url}/paper/desk/`);
  await desk.go('Portfolio');
  await expect(page).toHaveURL(`${host.url}/paper/desk/portfolio`);
  await desk.go('Trade');
  await desk.kept();
  await host.stop();
  complaints.excuse(/Failed to load resource: net::ERR_CONNECTION_REFUSED/);
  await page.goto(`${host.url}/paper/desk/portfolio`);
  await expect(page.getByRole('heading', { name: 'Portfolio' })).toBeVisible();
  await desk.go('Trade');
  await desk.ready();
});
