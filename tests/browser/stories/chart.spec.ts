// The chart: it comes when it is seen, draws what the API or the demo market has, and says what it lacks.
import type { Page } from '@playwright/test';
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

const drawn = (page: Page) => page.locator('price-chart canvas').first();

test('a chart draws the candles of the API, has a table of them, and ends at the price now', async ({ page, world }) => {
  const coingecko = await world.coingecko();
  await coingecko.price('weth', '2000');
  const server = await world.real(coingecko);
  const desk = new Desk(page);
  const asked = page.waitForResponse('**/api/v1/candles*');
  // Prices are asked for, so that this story can put its own into an answer.
  await page.routeWebSocket('**/api/v1/socket', (socket) => socket.close());
  await desk.open(server.url);
  const body = await (await asked).json();
  await expect(drawn(page)).toBeVisible();
  await expect(page.getByTestId('chart-canvas')).toHaveAttribute('data-state', 'here');
  await expect(page.getByTestId('chart-canvas')).toHaveAttribute('aria-label', /^WETH over 1D: from \$[\d,.]+ to \$[\d,.]+, between/);
  await expect(page.getByTestId('chart-caption')).toContainText('15 min candles, CoinGecko');
  // Pixels, and not just a canvas: something other than the background is on it.
  await expect.poll(() => page.evaluate(() => {
    const canvases = [...document.querySelectorAll<HTMLCanvasElement>('price-chart canvas')];
    const colours = new Set<number>();
    for (const canvas of canvases) {
      if (!canvas.width || !canvas.height) continue;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4) if (data[at + 3]! > 200) colours.add((data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!);
    }
    return colours.size;
  })).toBeGreaterThan(3);
  // The table is made when it is asked for, newest first.
  await expect(page.getByTestId('candle')).toHaveCount(0);
  await page.getByTestId('chart-table').click();
  await expect(page.getByTestId('candle')).toHaveCount(body.candles.length);
  const last = body.candles.at(-1);
  await expect(page.getByTestId('candle').first()).toContainText(last.at.slice(0, 10));

  const longer = page.waitForResponse('**/api/v1/candles*range=7D*');
  await page.getByTestId('range-7d').click();
  const week = await (await longer).json();
  await expect(page.getByTestId('candle')).toHaveCount(week.candles.length);
  await expect(page.getByTestId('chart-caption')).toContainText('4 h candles');
  // The last candle goes on to the price now: the one on the page.
  await page.getByTestId('range-1d').click();
  await expect(page.locator('price-chart')).toHaveAttribute('data-now', '$2,000.00');
  await page.route('**/api/v1/prices*', async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const price of body.prices) if (price.coin_id === 'weth') price.price = '2345.5';
    await route.fulfill({ response: answer, json: body });
  });
  await expect(page.locator('price-chart')).toHaveAttribute('data-now', '$2,345.50', { timeout: 25_000 });
  await expect(page.getByTestId('token-head').getByTestId('price')).toHaveText('$2,345.50');
  // Another theme is another set of colours, and no complaint.
  await page.getByTestId('theme').click();
  await page.getByTestId('theme').click();
  await expect(drawn(page)).toBeVisible();
});

test('the script of the chart is not asked for before a chart is seen', async ({ browser, world }) => {
  const server = await world.demo();
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  // The service worker takes a copy of every file by itself; that is not the page asking.
  await page.addInitScript(() => Object.defineProperty(navigator, 'serviceWorker', { value: undefined }));
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.amount.fill('10');
  await expect(desk.button).toHaveText(/^Buy/);
  const isChart = (path: string) => /^\/(chart|lightweight-charts)-[0-9a-f]+\.js$/.test(path);
  expect(asked.filter(isChart)).toEqual([]);
  await page.getByTestId('chart').scrollIntoViewIfNeeded();
  await expect(drawn(page)).toBeVisible();
  expect(asked.filter(isChart)).toHaveLength(2);
  // Neither the table nor a long figure makes the page wider than the phone.
  await page.getByTestId('chart-table').click();
  await expect(page.getByTestId('candle').first()).toBeVisible();
  await page.getByTestId('ticket-token').selectOption({ label: 'KEYCAT' });
  await desk.amount.fill('9999');
  await expect(desk.button).toHaveText(/KEYCAT/);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await context.close();
});

test('the demo market draws its own past, without a server', async ({ page, world, complaints }) => {
  complaints.excuseApi();
  const host = await world.static();
  const desk = new Desk(page);
  await desk.open(host.url);
  await expect(drawn(page)).toBeVisible();
  for (const [range, caption] of [
    ['range-1y', '4 d candles, demo market, UTC'],
    ['range-30d', '4 h candles, demo market, UTC'],
    ['range-1d', '15 min candles, demo market, UTC'],
  ] as const) {
    await page.getByTestId(range).click();
    await expect(page.getByTestId('chart-caption')).toHaveText(caption);
  }
});

test('a past that cannot be had says why, keeps its place, and comes with another try', async ({ page, world, complaints }) => {
  complaints.excuseApi();
  const server = await world.real(await world.coingecko());
  await page.route('**/api/v1/candles*', (route) => route.abort());
  const desk = new Desk(page);
  await desk.open(server.url);
  await expect(page.getByTestId('chart-note')).toContainText('The server cannot be reached.');
  const place = await page.getByTestId('chart').boundingBox();
  await page.unroute('**/api/v1/candles*');
  await page.getByTestId('chart-again').click();
  await expect(drawn(page)).toBeVisible();
  await expect(page.getByTestId('chart-note')).toHaveCount(0);
  expect((await page.getByTestId('chart').boundingBox())!.height).toBeCloseTo(place!.height, 0);

  // A token without a coin has no past, and the server's own words say so.
  await desk.go('Settings');
  const form = page.getByTestId('add-token');
  await form.getByTestId('settings-token-symbol').fill('MINE');
  await form.getByTestId('settings-token-address').fill('0x1111111111111111111111111111111111111111');
  await form.getByRole('button').click();
  await expect(desk.toasts).toContainText('MINE is added');
  await desk.go('Trade');
  await expect(page.getByTestId('chart-canvas')).toHaveAttribute('data-state', 'missing');
  await expect(page.getByTestId('chart-note')).toContainText('0x1111111111111111111111111111111111111111');
});

test('without its script the chart says so, the table stands in, and another try brings it', async ({ page, world, complaints }) => {
  complaints.excuse(/^Failed to load resource: .*\/(chart|lightweight-charts)-/);
  const server = await world.demo();
  await page.addInitScript(() => Object.defineProperty(navigator, 'serviceWorker', { value: undefined }));
  await page.route(/lightweight-charts-[0-9a-f]+\.js/, (route) => route.abort());
  const desk = new Desk(page);
  await desk.open(server.url);
  await expect(page.getByTestId('chart-note')).toContainText('The chart could not be loaded. The table below holds its figures.');
  await page.getByTestId('chart-table').click();
  await expect(page.getByTestId('candle').first()).toBeVisible();
  await page.unroute(/lightweight-charts-[0-9a-f]+\.js/);
  await page.getByTestId('chart-again').click();
  await expect(drawn(page)).toBeVisible();
  await expect(page.getByTestId('chart-note')).toHaveCount(0);
});
