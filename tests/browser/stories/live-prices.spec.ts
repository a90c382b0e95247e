// Prices arrive by themselves, and every way they can stop arriving is seen on the page and mended without a
// reload.
import type { Page } from '@playwright/test';
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

const price = (page: Page) => page.getByTestId('token-head').getByTestId('price');
const connection = (page: Page) => page.getByTestId('connection');

/** The questions for prices that a page sends from here on. */
function questions(page: Page): string[] {
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/api/v1/prices?')) asked.push(request.url());
  });
  return asked;
}

/** Marks the page, so that a reload would show. */
async function mark(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(() => Object.assign(window, { marked: true }));
  return async () => expect(await page.evaluate(() => 'marked' in window), 'the page was not reloaded').toBe(true);
}

test('prices come as they land, and nobody asks for them', async ({ page, world }) => {
  const moved = await world.moved();
  await moved.coingecko.price('weth', '3000');
  const desk = new Desk(page);
  await desk.open(moved.url);
  await desk.priced();
  await expect(connection(page)).toHaveAttribute('data-state', 'live');
  await expect(connection(page)).toContainText('connected');
  const asked = questions(page);
  for (const [text, shown] of [['3100.5', '$3,100.50'], ['2999', '$2,999.00'], ['0.00012', '$0.00012']] as const) {
    await moved.coingecko.price('weth', text);
    await moved.pass(61);
    await expect(price(page)).toHaveText(shown, { timeout: 3_000 });
  }
  // A token that is looked at for the first time is told of as well.
  await page.getByTestId('search').fill('PEPE');
  await page.getByTestId('market').first().click();
  await expect(price(page)).toContainText('$');
  expect(asked, 'questions while the socket stands').toEqual([]);
});

test('a connection that breaks is stood in for by questions, and comes back by itself', async ({ page, world }) => {
  const moved = await world.moved();
  await moved.coingecko.price('weth', '3000');
  let cut = () => {};
  let barred = false;
  await page.routeWebSocket('**/api/v1/socket', (socket) => {
    if (barred) return void socket.close({ code: 1001 });
    const server = socket.connectToServer();
    cut = () => {
      void server.close({ code: 1001 });
      void socket.close({ code: 1001 });
    };
  });
  const desk = new Desk(page);
  await desk.open(moved.url);
  await desk.priced();
  await expect(connection(page)).toHaveAttribute('data-state', 'live');
  const reloaded = await mark(page);

  const asked = questions(page);
  barred = true;
  cut();
  await expect(connection(page)).toHaveAttribute('data-state', 'reconnecting');
  await expect.poll(() => asked.length).toBeGreaterThan(0);
  await expect(desk.badges).toHaveText('PAPER');
  await moved.coingecko.price('weth', '3200');
  await moved.pass(61);
  // As questions go: the first is answered with the old price at once, and has it renewed behind.
  await expect(price(page)).toHaveText('$3,200.00', { timeout: 40_000 });
  barred = false;
  await expect(connection(page)).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
  asked.length = 0;
  await moved.coingecko.price('weth', '3300');
  await moved.pass(61);
  await expect(price(page)).toHaveText('$3,300.00', { timeout: 3_000 });
  expect(asked).toEqual([]);
  await reloaded();
});

test('a server that goes and comes back is told of, and has its prices live again', async ({ page, world, complaints }) => {
  // The browser reports the questions nobody answers.
  complaints.excuseApi();
  const coingecko = await world.coingecko();
  await coingecko.price('weth', '3000');
  const server = await world.real(coingecko);
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await expect(connection(page)).toHaveAttribute('data-state', 'live');
  // The browser reports a service worker whose script is on its way when the server goes.
  await desk.kept();
  const reloaded = await mark(page);
  await server.stop();
  await expect(connection(page)).toHaveAttribute('data-state', 'offline');
  await expect(desk.badges).toContainText('OFFLINE');
  await server.start();
  await expect(connection(page)).toHaveAttribute('data-state', 'live', { timeout: 40_000 });
  await expect(desk.badges).toHaveText('PAPER');
  await reloaded();
});

test('the price source dies for ten minutes: fresh, stale, expired, by consent only, and fresh again', async ({ page, world }) => {
  const moved = await world.moved();
  await moved.coingecko.price('weth', '3000');
  const desk = new Desk(page);
  await desk.open(moved.url);
  await desk.priced();
  await desk.withoutChance();
  await expect(connection(page)).toHaveAttribute('data-state', 'live');
  const reloaded = await mark(page);
  const dot = page.getByTestId('token-head').locator('.dot');
  const age = page.getByTestId('token-head').getByTestId('price-age');
  await expect(dot).toHaveAttribute('data-age', 'fresh');
  await expect(desk.badges).toHaveText('PAPER');

  await moved.coingecko.pull('fault', { endpoint: 'any', fault: { kind: 'html', status: 503 } });
  await moved.pass(90);
  await expect(dot).toHaveAttribute('data-age', 'stale');
  await expect(desk.badges).toContainText('STALE');
  await expect(page.getByTestId('banner-behind')).toContainText('Prices are behind: CoinGecko fails or cannot be reached');
  await desk.amount.fill('1000');
  await expect(desk.button, 'a stale price is good to trade on').toHaveText(/^Buy/);

  await moved.pass(180);
  await expect(dot).toHaveAttribute('data-age', 'expired');
  await expect(age).toContainText('4 min old, CoinGecko');
  await expect(desk.button).toHaveText("Accept the price's age");
  await moved.pass(330);
  await expect(age).toContainText('10 min old, CoinGecko');
  await expect(desk.badges).toHaveText('PAPERSTALE');
  await page.getByTestId('consent').getByRole('checkbox').check();
  await desk.trade('1000');
  await expect(desk.toasts).toContainText('Bought');

  await moved.coingecko.clear('faults');
  await moved.coingecko.price('weth', '3456');
  // The source is asked again when its rest is over.
  await moved.pass(120);
  await expect(dot).toHaveAttribute('data-age', 'fresh');
  await expect(price(page)).toHaveText('$3,456.00');
  await expect(desk.badges).toHaveText('PAPER');
  await expect(page.getByTestId('banner-behind')).toHaveCount(0);
  await desk.amount.fill('1000');
  await expect(desk.button).toHaveText(/^Buy/);
  await reloaded();
});

test('a stablecoin off its peg is told once, dismissed, told of when it is over, and kept in the list', async ({ page, world }) => {
  const moved = await world.moved();
  const desk = new Desk(page);
  await desk.open(moved.url);
  await desk.priced();
  await expect(connection(page)).toHaveAttribute('data-state', 'live');
  const strip = page.getByTestId('banner-alert');
  const said = page.getByTestId('alert-said');
  await expect(strip).toHaveCount(0);
  await moved.coingecko.price('usd-coin', '0.97');
  await moved.pass(61);
  await expect(strip).toContainText('USDC trades at $0.97, 3 % below a dollar.');
  await expect(said).toHaveText('USDC is off its peg.');
  // The figure moves on; what a screen reader hears does not.
  await moved.coingecko.price('usd-coin', '0.96');
  await moved.pass(61);
  await expect(strip).toContainText('$0.96');
  await expect(said).toHaveText('USDC is off its peg.');
  await page.getByTestId('dismiss-alerts').click();
  await expect(strip).toHaveCount(0);
  // Worse than what was dismissed.
  await moved.coingecko.price('usd-coin', '0.9');
  await moved.pass(61);
  await expect(strip).toContainText('10 % below a dollar');
  await moved.coingecko.price('usd-coin', '0.9995');
  await moved.pass(61);
  await expect(strip).toHaveCount(0);
  await expect(said).toHaveText('USDC is back at its peg.');
  await connection(page).getByRole('link').click();
  await expect(page.getByTestId('alert-list').getByRole('listitem')).toHaveCount(1);
  await expect(page.getByTestId('alert-list')).toContainText(/From .* until .* UTC/);
});

test('the page of prices tells what the server counted, and says so when it cannot', async ({ page, world, complaints }) => {
  complaints.excuseApi();
  const moved = await world.moved();
  const desk = new Desk(page);
  await desk.open(moved.url);
  await desk.priced();
  await connection(page).getByRole('link').click();
  const stats = page.getByTestId('price-stats');
  const figure = (name: string) => stats.locator('div', { hasText: name }).locator('dd');
  await expect(figure('CoinGecko').first()).toHaveText('answers');
  await expect(figure('Calls to CoinGecko for prices')).toHaveText('1');
  const { calls } = (await (await page.request.get(`${moved.url}/api/v1/prices/stats`)).json()) as { calls: number };
  expect(calls).toBe(1);
  await page.route('**/api/v1/prices/stats', (route) => route.abort());
  await page.getByTestId('prices-again').click();
  await expect(page.getByTestId('prices-unknown')).toContainText('The server did not say: the server cannot be reached');
  await page.unroute('**/api/v1/prices/stats');
  await page.getByTestId('prices-unknown').getByRole('button', { name: 'Try again' }).click();
  await expect(stats).toBeVisible();
});
