// For everyone: no accessibility violation on any page, in both themes, on a phone and on a desktop: empty,
// full, and with something in the way.
import AxeBuilder from '@axe-core/playwright';
import { type Page } from '@playwright/test';
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const PAGES = ['/portfolio', '/history', '/accounts', '/settings', '/diagnostics', '/prices', '/conventions', '/more', '/nowhere'];

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    const visit = { viewport, colorScheme, reducedMotion: 'reduce', hasTouch: size === 'phone', isMobile: size === 'phone' } as const;

    test(`axe finds nothing on a ${size} in the ${colorScheme}`, async ({ browser, world, complaints }) => {
      // Two dozen looks at whole pages, on a machine that may be busy.
      test.setTimeout(360_000);
      const server = await world.demo();
      const context = await browser.newContext(visit);
      await complaints.watch(context);
      const page = await context.newPage();
      const desk = new Desk(page);
      const check = (state: string) => finds(page, state);
      const checkPages = async (state: string) => {
        for (const path of PAGES) {
          await page.goto(server.url + path);
          await expect(page.locator('h1')).toBeVisible();
          await check(`${path} ${state}`);
        }
        await page.goto(server.url);
        await desk.priced();
      };
      await desk.open(server.url);
      await desk.priced();
      await check('the empty desk');
      await checkPages('empty');
      await desk.amount.fill('1000');
      await check('a filled ticket');
      await desk.trade('1000');
      await check('the desk after a trade');
      await desk.amount.fill('99999');
      await expect(desk.reason).toBeVisible();
      await check('a rejection');
      await page.getByTestId('desk-tab-1').click();
      await page.getByTestId('open-receipt').first().click();
      await expect(page.getByTestId('receipt')).toBeVisible();
      await check('a receipt');
      await page.keyboard.press('Escape');
      await checkPages('full');
      await page.goto(`${server.url}/portfolio`);
      await page.getByTestId('curve-open').click();
      await expect(page.getByTestId('curve-table')).toBeVisible();
      await check('the table behind the line');
      await page.goto(`${server.url}/accounts`);
      await page.getByTestId('reset').click();
      await expect(page.getByTestId('archived-account')).toHaveCount(1);
      await check('the archive');
      await page.getByTestId('archived-account').getByTestId('open-account').click();
      await expect(page.getByTestId('banner-archived')).toBeVisible();
      await check('an archived account');
      await context.close();
    });

    test(`axe finds nothing in the way of a ${size} in the ${colorScheme}`, async ({ browser, world, complaints }) => {
      test.setTimeout(240_000);
      complaints.excuseApi();
      const coingecko = await world.coingecko();
      const server = await world.real(coingecko);
      const context = await browser.newContext(visit);
      await complaints.watch(context);
      const page = await context.newPage();
      await page.clock.install();
      const desk = new Desk(page);
      await desk.open(server.url);
      await desk.priced();
      await desk.kept();
      await server.stop();
      await desk.until(16_000, () => expect(desk.badges).toContainText('OFFLINE', { timeout: 1_000 }));
      await page.clock.fastForward(5 * 60_000);
      await expect(desk.badges).toContainText('STALE');
      await desk.amount.fill('1000');
      await finds(page, 'offline, with an old price');
      await page.evaluate(() => {
        IDBFactory.prototype.open = () => {
          throw new DOMException('The operation is insecure.', 'SecurityError');
        };
      });
      await page.goto(`${server.url}/accounts`);
      await page.locator('h1').waitFor();
      await finds(page, 'accounts, offline');
      await context.close();

      const closed = await browser.newContext(visit);
      await complaints.watch(closed);
      const bare = await closed.newPage();
      await bare.addInitScript(() => {
        IDBFactory.prototype.open = () => {
          throw new DOMException('The operation is insecure.', 'SecurityError');
        };
      });
      await server.start();
      await bare.goto(server.url);
      await expect(bare.getByTestId('banner-not-kept')).toBeVisible();
      await bare.evaluate(() => dispatchEvent(new Event('foolscap-update')));
      await expect(bare.getByTestId('banner-update')).toBeVisible();
      await finds(bare, 'nothing kept, and a new version');
      await bare.goto(`${server.url}/diagnostics`);
      await bare.locator('h1').waitFor();
      await finds(bare, 'diagnostics of a page that keeps nothing');
      await closed.close();
    });

    test(`axe finds nothing in alerts and late prices on a ${size} in the ${colorScheme}`, async ({ browser, world, complaints }) => {
      test.setTimeout(240_000);
      // The chart is told that its source is away.
      complaints.excuseApi();
      const moved = await world.moved();
      const context = await browser.newContext(visit);
      await complaints.watch(context);
      const page = await context.newPage();
      const desk = new Desk(page);
      await desk.open(moved.url);
      await desk.priced();
      await expect(page.getByTestId('connection')).toHaveAttribute('data-state', 'live');
      await finds(page, 'live prices');
      await moved.offPegAndLate();
      await expect(page.getByTestId('banner-alert')).toBeVisible();
      await expect(page.getByTestId('banner-behind')).toBeVisible();
      await finds(page, 'an alert, and prices that are late');
      await page.getByTestId('connection').getByRole('link').click();
      await expect(page.getByTestId('price-stats')).toBeVisible();
      await finds(page, 'the page of prices');
      await context.close();
    });
  }
}

/** Holds what is on the page now to every rule axe has, and to the width there is. */
async function finds(page: Page, state: string): Promise<void> {
  // Off by default, and asked for by WCAG 2.2: targets a finger can hit.
  const axe = new AxeBuilder({ page }).options({ rules: { 'target-size': { enabled: true } } });
  // All of the page is in sight: what a bar at the bottom half covers is not small, it only wants scrolling.
  const size = page.viewportSize() ?? { width: 1440, height: 900 };
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ ...size, height: Math.max(size.height, height + 200) });
  const { violations } = await axe.analyze();
  await page.setViewportSize(size);
  const found = violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.html}`));
  expect(found, state).toEqual([]);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide, `${state} is wider than the screen`).toBe(0);
}

test('the whole of a first trade by keyboard', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  // The amount has the focus: what is there to do first is there to type first.
  await expect(desk.amount).toBeFocused();
  await page.keyboard.type('250');
  await expect(desk.button).toHaveText(/^Buy/);
  await page.keyboard.press('Enter');
  await expect(desk.button).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(desk.toasts.getByTestId('toast')).toHaveCount(1);
  await expect(desk.amount).toBeFocused();
});

test('the skip link is the first stop and brings the focus to the page', async ({ page, world }) => {
  const server = await world.demo();
  await page.goto(`${server.url}/portfolio`);
  await page.getByRole('heading', { name: 'Portfolio' }).waitFor();
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to the page' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
});

test('nothing moves for those who asked for less motion', async ({ browser, world }) => {
  const server = await world.demo();
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  const page = await context.newPage();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.trade('100');
  const longest = await page.evaluate(() =>
    Math.max(0, ...document.getAnimations().map((animation) => Number(animation.effect?.getComputedTiming().duration ?? 0))),
  );
  expect(longest).toBeLessThan(1);
  await context.close();
});
