// For everyone: no accessibility violation on any page, in both themes, on a phone and on a desktop.
import AxeBuilder from '@axe-core/playwright';
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`axe finds nothing on a ${size} in the ${colorScheme}`, async ({ browser, world, complaints }) => {
      // A dozen looks at whole pages, on a machine that may be busy.
      test.setTimeout(240_000);
      const server = await world.demo();
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      await complaints.watch(context);
      const page = await context.newPage();
      const desk = new Desk(page);
      const check = async (state: string) => {
        const { violations } = await new AxeBuilder({ page }).analyze();
        const found = violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.html}`));
        expect(found, state).toEqual([]);
      };
      await desk.open(server.url);
      await desk.priced();
      await check('the empty desk');
      await desk.amount.fill('1000');
      await check('a filled ticket');
      await desk.trade('1000');
      await check('the desk after a trade');
      await desk.amount.fill('99999');
      await expect(desk.reason).toBeVisible();
      await check('a rejection');
      await page.getByTestId('desk-tab-1').click();
      await page.getByTestId('open-receipt').click();
      await expect(page.getByTestId('receipt')).toBeVisible();
      await check('a receipt');
      await page.keyboard.press('Escape');
      for (const path of ['/portfolio', '/history', '/settings', '/conventions', '/nowhere']) {
        await page.goto(server.url + path);
        await expect(page.locator('h1')).toBeVisible();
        await check(path);
      }
      await context.close();
    });
  }
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
