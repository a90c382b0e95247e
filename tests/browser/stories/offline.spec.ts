// The backend goes and comes back: prices show their age, trades go on by consent, the record says so.
import { chromium } from '@playwright/test';
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

test('with the backend stopped prices age, trades need consent, and it catches up without a reload', async ({ page, world, complaints }) => {
  // The browser reports the questions nobody answers.
  complaints.excuseApi();
  const coingecko = await world.coingecko();
  await coingecko.price('weth', '3000');
  const server = await world.real(coingecko);
  await page.clock.install();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.withoutChance();
  await expect(desk.badges).toHaveText('PAPER');

  // The browser reports a service worker whose script is on its way when the server goes.
  await desk.kept();
  await server.stop();
  await desk.until(16_000, () => expect(desk.badges).toContainText('OFFLINE', { timeout: 1_000 }));
  await expect(page.getByTestId('banner-offline')).toContainText('The page catches up by itself');
  await page.clock.fastForward(5 * 60_000);
  await expect(desk.badges).toContainText('STALE');
  const age = page.getByTestId('token-head').getByTestId('price-age');
  await expect(age).toContainText(/[56] min old, last known on this device/);

  // The price is still there; to trade on it is asked for, and not done silently.
  await desk.amount.fill('1000');
  await expect(desk.button).toHaveText("Accept the price's age");
  await expect(desk.reason).toContainText(/is [56] min old/);
  await expect(desk.reason).toContainText('Wait for a fresh price, or accept');
  await page.getByTestId('consent').getByRole('checkbox').check();
  await expect(desk.button).toHaveText(/^Buy/);
  await desk.trade('1000');
  await expect(desk.toasts).toContainText('Bought');
  await page.getByRole('button', { name: 'Open the receipt' }).click();
  await expect(page.getByTestId('receipt-consent')).toHaveText('accepted, offline');
  await expect(page.getByTestId('receipt-bought-price')).toContainText(/[56] min old, last known on this device/);
  await page.keyboard.press('Escape');
  await desk.closeToasts();

  await server.start();
  await desk.until(31_000, () => expect(desk.badges).toHaveText('PAPER', { timeout: 1_000 }));
  await expect(age).toContainText(/\d+ s old, CoinGecko/);
  await expect(page.getByTestId('position')).toHaveCount(1);

  const trade = (await desk.exported()).text.split('\n').find((line) => line.includes('"kind":"traded"'))!;
  expect(trade).toContain('offline');
  expect(trade).toContain('cached');
});

test('an old price from a reachable server is accepted by hand, for one trade', async ({ page, world }) => {
  const moved = await world.moved();
  await moved.coingecko.price('weth', '3000');
  const desk = new Desk(page);
  await desk.open(moved.url);
  await desk.priced();
  await desk.withoutChance();
  await moved.coingecko.pull('fault', { endpoint: 'any', fault: { kind: 'hang' } });
  await moved.pass(600);
  await expect(desk.badges).toContainText('STALE');
  await expect(desk.badges).not.toContainText('OFFLINE');
  await desk.amount.fill('1000');
  await expect(desk.button).toHaveText("Accept the price's age");
  await page.getByTestId('consent').getByRole('checkbox').check();
  await desk.trade('1000');
  await page.getByRole('button', { name: 'Open the receipt' }).click();
  await expect(page.getByTestId('receipt-consent')).toHaveText('accepted by hand');
  await page.keyboard.press('Escape');
  await desk.amount.fill('1000');
  await expect(page.getByTestId('consent').getByRole('checkbox')).not.toBeChecked();
});

test('a reload while the API is down still shows the last known prices with their age', async ({ page, world, complaints }) => {
  complaints.excuseApi();
  const coingecko = await world.coingecko();
  await coingecko.price('weth', '3000');
  const server = await world.real(coingecko);
  const desk = new Desk(page);
  const kept = page.waitForResponse('**/api/v1/markets*');
  await desk.open(server.url);
  await desk.priced();
  await kept;
  await page.route('**/api/**', (route) => route.abort());
  await expect
    .poll(async () => {
      await page.reload();
      await desk.ready();
      return page.getByTestId('token-head').getByTestId('price-age').innerText();
    })
    .toContain('last known on this device');
  await expect(page.getByTestId('token-head').getByTestId('price')).toHaveText('$3,000.00');
  await expect(desk.badges).toContainText('OFFLINE');
});

test('with the backend gone the app opens after a restart of the browser, trades on what it last knew, and catches up', async ({ world, complaints }) => {
  // The browser reports the questions nobody answers.
  complaints.excuseApi();
  const coingecko = await world.coingecko();
  await coingecko.price('weth', '3000');
  const server = await world.real(coingecko);
  const profile = test.info().outputPath('profile');
  const visit = async () => {
    const { launchOptions, viewport } = test.info().project.use;
    const context = await chromium.launchPersistentContext(profile, { ...launchOptions, viewport });
    await complaints.watch(context);
    return { context, page: await context.newPage() };
  };
  const first = await visit();
  const online = new Desk(first.page);
  const known = first.page.waitForResponse('**/api/v1/markets*');
  await online.open(server.url);
  await online.priced();
  await known;
  await online.withoutChance();
  await online.kept();
  await first.context.close();
  await server.stop();

  const { context, page } = await visit();
  await page.clock.install();
  const desk = new Desk(page);
  // Any page of the app, not only the one it was left on.
  await page.goto(`${server.url}/portfolio`);
  await expect(page.getByRole('heading', { name: 'Portfolio' })).toBeVisible();
  await expect(desk.badges).toContainText('OFFLINE');
  await desk.go('Trade');
  await desk.priced();
  const age = page.getByTestId('token-head').getByTestId('price-age');
  await expect(age).toContainText('last known on this device');
  await page.clock.fastForward(5 * 60_000);
  await expect(age).toContainText(/[56] min old, last known on this device/);
  await desk.amount.fill('1000');
  await expect(desk.button).toHaveText("Accept the price's age");
  await page.getByTestId('consent').getByRole('checkbox').check();
  await desk.trade('1000');
  await expect(desk.toasts).toContainText('Bought');
  await desk.closeToasts();
  await page.reload();
  await desk.ready();
  await expect(page.getByTestId('position')).toHaveCount(1);

  await coingecko.price('weth', '3100');
  await server.start();
  await desk.until(31_000, () => expect(desk.badges).toHaveText('PAPER', { timeout: 1_000 }));
  await expect(page.getByTestId('token-head').getByTestId('price')).toHaveText('$3,100.00');
  const trade = (await desk.exported()).text.split('\n').find((line) => line.includes('"kind":"traded"'))!;
  expect(trade).toContain('"accept":"offline"');
  expect(trade).toContain('"cached"');
  await context.close();
});
