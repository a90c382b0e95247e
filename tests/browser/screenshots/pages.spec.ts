// Every page, both themes, phone, tablet and desktop, with something on it. To be looked at.
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

const SIZES = {
  desktop: { width: 1440, height: 900 },
  tablet: { width: 834, height: 1112 },
  phone: { width: 390, height: 844 },
};

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${size} ${colorScheme}`, async ({ browser, world }) => {
      const server = await world.demo();
      const touch = size !== 'desktop';
      const context = await browser.newContext({ viewport, colorScheme, hasTouch: touch, isMobile: touch, reducedMotion: 'reduce' });
      const page = await context.newPage();
      const desk = new Desk(page);
      const shoot = (name: string) => page.screenshot({ path: `screenshots/out/${size}-${colorScheme}-${name}.png` });
      await desk.open(server.url);
      await desk.priced();
      await shoot('1-empty');
      await desk.trade('1500');
      await shoot('2-filled');
      await desk.closeToasts();
      await page.getByTestId('ticket-token').selectOption({ label: 'AERO' });
      await desk.trade('800');
      await desk.closeToasts();
      await page.getByTestId('ticket-token').selectOption({ label: 'cbBTC' });
      await desk.trade('2500');
      await desk.closeToasts();
      await desk.amount.fill('1000');
      await shoot('3-desk');
      await desk.amount.press('Enter');
      await shoot('4-review');
      await page.keyboard.press('Escape');
      await desk.amount.fill('50000');
      await shoot('5-rejection');
      await page.getByTestId('desk-tab-1').click();
      await page.getByTestId('open-receipt').first().click();
      await shoot('6-receipt');
      await page.keyboard.press('Escape');
      if (size !== 'desktop') {
        await page.getByTestId(size === 'phone' ? 'bar-markets' : 'open-markets').click();
        await shoot('7-markets');
      }
      for (const path of ['portfolio', 'history', 'accounts', 'settings', 'diagnostics', 'prices', 'conventions', 'more', 'nowhere']) {
        await page.goto(`${server.url}/${path}`);
        await page.locator('h1').waitFor();
        await desk.known();
        await page.screenshot({ path: `screenshots/out/${size}-${colorScheme}-8-${path}.png`, fullPage: true });
      }
      await page.goto(`${server.url}/accounts`);
      await page.getByTestId('reset').click();
      await page.getByTestId('archived-account').getByTestId('open-account').click();
      await page.getByTestId('banner-archived').waitFor();
      await desk.closeToasts();
      await page.screenshot({ path: `screenshots/out/${size}-${colorScheme}-9-archived.png`, fullPage: true });
      await context.close();
    });
  }
}

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${size} ${colorScheme} with something in the way`, async ({ browser, world, complaints }) => {
      complaints.excuseApi();
      const server = await world.real(await world.coingecko());
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      await page.clock.install();
      const desk = new Desk(page);
      const shoot = (name: string) => page.screenshot({ path: `screenshots/out/${size}-${colorScheme}-10-${name}.png` });
      await desk.open(server.url);
      await desk.priced();
      await desk.kept();
      await server.stop();
      await desk.until(16_000, () => expect(desk.badges).toContainText('OFFLINE', { timeout: 1_000 }));
      await page.clock.fastForward(5 * 60_000);
      await desk.amount.fill('1000');
      await shoot('offline');
      await page.evaluate(() => dispatchEvent(new Event('foolscap-update')));
      await page.getByTestId('banner-update').waitFor();
      await shoot('offline-and-update');
      await context.close();
    });

    test(`${size} ${colorScheme} with an alert and late prices`, async ({ browser, world }) => {
      const moved = await world.moved();
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      const desk = new Desk(page);
      await desk.open(moved.url);
      await desk.priced();
      await moved.offPegAndLate();
      await page.getByTestId('banner-alert').waitFor();
      await page.getByTestId('banner-behind').waitFor();
      await page.screenshot({ path: `screenshots/out/${size}-${colorScheme}-11-late.png` });
      await page.getByTestId('connection').getByRole('link').click();
      await page.getByTestId('price-stats').waitFor();
      await page.screenshot({ path: `screenshots/out/${size}-${colorScheme}-11-prices.png`, fullPage: true });
      await context.close();
    });
  }
}

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${size} ${colorScheme} live`, async ({ browser, world }) => {
      const devnet = await world.devnet();
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      const shoot = (name: string) =>
        page.screenshot({ path: `screenshots/out/${size}-${colorScheme}-12-live-${name}.png`, fullPage: true });
      await page.goto(`${devnet.url}/live`);
      await page.getByTestId('live-token').fill(devnet.token);
      await shoot('gate');
      await page.getByTestId('live-enter').click();
      await page.getByTestId('live-amount').fill('1.5');
      await page.getByTestId('live-amount').press('Enter');
      await page.getByTestId('live-review').waitFor();
      await shoot('review');
      await devnet.hold();
      await page.getByTestId('live-send').click();
      await page.locator('[data-testid=live-row][data-status=pending]').waitFor();
      await shoot('pending');
      await page.getByTestId('live-replace').click();
      await page.getByTestId('live-replace').click();
      await page.getByTestId('live-attempt').nth(1).waitFor();
      await expect(async () => {
        await devnet.mine(1);
        await page.locator('[data-testid=live-row][data-status=completed]').waitFor({ timeout: 1_000 });
      }).toPass();
      await shoot('completed');
      await context.close();
    });
  }
}
