// Real transactions from the page: on a chain of the story's own, with the real Uniswap, followed to their ends and
// held to the chain's own balances.
import AxeBuilder from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import type { Devnet } from '../support/devnet.ts';
import { expect, test } from '../support/world.ts';

/** Opens the Live page as its operator. */
async function open(page: Page, devnet: Devnet): Promise<void> {
  await page.goto(`${devnet.url}/live`);
  await page.getByTestId('live-token').fill(devnet.token);
  await page.getByTestId('live-token').press('Enter');
  await expect(page.getByTestId('live-form')).toBeVisible();
}

/** Quotes a swap, and looks at it. */
async function quote(page: Page, sell: string, buy: string, amount: string): Promise<void> {
  await page.getByTestId('live-sell').selectOption({ label: sell });
  await page.getByTestId('live-buy').selectOption({ label: buy });
  await page.getByTestId('live-amount').fill(amount);
  await page.getByTestId('live-amount').press('Enter');
  await expect(page.getByTestId('live-review')).toBeVisible();
}

/** Sends what was quoted, and waits until it is looked at. Its id. */
async function send(page: Page): Promise<string> {
  const before = await page.getByTestId('live-row').count();
  await page.getByTestId('live-send').click();
  await expect(page.getByTestId('live-row')).not.toHaveCount(before);
  await expect(page.getByTestId('live-detail')).toBeVisible();
  return (await page.getByTestId('live-detail').getAttribute('data-id'))!;
}

const row = (page: Page, id: string): Locator => page.locator(`[data-testid=live-row][data-id="${id}"]`);

/** Mines until a transaction stands so: what is out waits for blocks, and what is mined for depth. */
async function mineUntil(page: Page, devnet: Devnet, id: string, status: string): Promise<void> {
  await expect(async () => {
    await devnet.mine(1);
    await expect(row(page, id)).toHaveAttribute('data-status', status, { timeout: 1_000 });
  }).toPass({ timeout: 40_000 });
}

/** Every balance on the page is the chain's, to the base unit. */
async function figuresAreTheChains(page: Page, devnet: Devnet): Promise<void> {
  const holdings = page.getByTestId('live-holding');
  const assets = ['native', ...Object.values(devnet.tokens)];
  for (const asset of assets) {
    const held = page.locator(`[data-testid=live-holding][data-asset="${asset}" i]`);
    await expect(async () => {
      expect(await held.getAttribute('data-units')).toBe(String(await devnet.balance(asset)));
    }).toPass({ timeout: 30_000 });
  }
  expect(await holdings.count()).toBeGreaterThanOrEqual(assets.length);
}

test('a swap is quoted, looked at, sent and followed to its end, and the figures are the chain’s', async ({ page, world }) => {
  test.setTimeout(120_000);
  const devnet = await world.devnet();
  await open(page, devnet);
  // Nothing on the page says paper.
  await expect(page.getByTestId('live-strip')).toContainText('Not paper');
  await expect(page.getByTestId('badges').getByText('PAPER')).toBeHidden();
  await figuresAreTheChains(page, devnet);
  const before = await devnet.balance(devnet.tokens.TOKENA!);

  await quote(page, 'ETH', 'TOKENA', '1.5');
  await expect(page.getByTestId('live-review')).toContainText('Uniswap V');
  await expect(page.getByTestId('live-review')).toContainText('(tried)');
  await expect(page.getByTestId('live-against').locator('dt')).toHaveText([/geth/, /alloy/, /MetaMask/]);
  const expected = BigInt((await page.getByTestId('live-expected').getAttribute('data-units'))!);
  const limit = BigInt((await page.getByTestId('live-limit').getAttribute('data-units'))!);
  expect(limit).toBe((expected * 9_950n + 9_999n) / 10_000n);
  await expect(page.getByTestId('live-send')).toContainText('Send for real: sell 1.5 ETH');

  await devnet.hold();
  const id = await send(page);
  await expect(row(page, id)).toHaveAttribute('data-status', 'pending');
  const attempt = page.getByTestId('live-attempt');
  await expect(attempt).toHaveCount(1);
  const hash = (await attempt.getAttribute('data-hash'))!;
  expect((await devnet.rpc<{ from: string }>('eth_getTransactionByHash', hash)).from.toLowerCase()).toBe(devnet.wallet.toLowerCase());
  await mineUntil(page, devnet, id, 'completed');

  // What the page says was bought is what the chain has moved.
  const bought = BigInt((await page.getByTestId('live-bought').getAttribute('data-units'))!);
  expect(bought).toBe((await devnet.balance(devnet.tokens.TOKENA!)) - before);
  expect(bought).toBe(expected);
  expect(await page.getByTestId('live-sold').getAttribute('data-units')).toBe(String(15n * 10n ** 17n));
  // The same swap on paper stands beside it, and says that it is.
  await expect(page.getByTestId('live-twin')).toContainText('PAPER');
  const paper = BigInt((await page.getByTestId('live-twin-amount').getAttribute('data-units'))!);
  expect(paper > (bought * 99n) / 100n && paper < (bought * 101n) / 100n, `${paper} on paper, ${bought} for real`).toBe(true);
  const receipt = await devnet.rpc<{ gasUsed: string; effectiveGasPrice: string }>('eth_getTransactionReceipt', hash);
  const fees = BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice);
  expect(await page.getByTestId('live-fees').getAttribute('data-units')).toBe(String(fees));
  const steps = page.getByTestId('live-step');
  const states = await steps.evaluateAll((all) => all.map((step) => (step as HTMLElement).dataset.status));
  expect(states).toEqual(expect.arrayContaining(['preparing', 'ready_to_submit', 'submitted', 'pending', 'confirmed', 'completed']));
  await figuresAreTheChains(page, devnet);
});

test('a token is approved for exactly what is sold, and then sold', async ({ page, world }) => {
  test.setTimeout(120_000);
  const devnet = await world.devnet();
  await open(page, devnet);
  await quote(page, 'TOKENA', 'ETH', '2');
  await expect(page.getByTestId('live-review')).toContainText('An approval of exactly this amount');
  const id = await send(page);
  await mineUntil(page, devnet, id, 'completed');
  await expect(page.getByTestId('live-row')).toHaveCount(2);
  await expect(page.getByTestId('live-list')).toContainText('Let the router take 2 TOKENA');
  await figuresAreTheChains(page, devnet);
});

test('what waits is sped up, and one that is not wanted any more is cancelled', async ({ page, world }) => {
  test.setTimeout(180_000);
  const devnet = await world.devnet();
  await open(page, devnet);
  await devnet.hold();
  await quote(page, 'ETH', 'TOKENA', '1');
  const sooner = await send(page);
  await expect(row(page, sooner)).toHaveAttribute('data-status', 'pending');
  await expect(page.getByTestId('live-sooner')).toContainText('at most');
  await page.getByTestId('live-replace').click();
  await expect(page.getByTestId('live-replace')).toHaveText('Speed it up for real');
  await page.getByTestId('live-replace').click();
  await expect(page.getByTestId('live-attempt')).toHaveCount(2);
  const hashes = await page.getByTestId('live-attempt').evaluateAll((all) => all.map((row) => (row as HTMLElement).dataset.hash!));
  // The pool lets go of the first one when it has the second.
  await expect.poll(async () => devnet.rpc('eth_getTransactionByHash', hashes[0])).toBeNull();
  await mineUntil(page, devnet, sooner, 'completed');
  const receipt = await devnet.rpc<{ status: string }>('eth_getTransactionReceipt', hashes[1]);
  expect(receipt.status).toBe('0x1');

  const tokens = await devnet.balance(devnet.tokens.TOKENA!);
  await quote(page, 'ETH', 'TOKENA', '3');
  const never = await send(page);
  await expect(row(page, never)).toHaveAttribute('data-status', 'pending');
  await expect(page.getByTestId('live-never')).toContainText('Whichever is mined decides');
  await page.getByTestId('live-cancel').click();
  await page.getByTestId('live-cancel').click();
  await expect(page.locator('[data-testid=live-attempt][data-kind=Cancel]')).toHaveCount(1);
  await mineUntil(page, devnet, never, 'cancelled');
  expect(await devnet.balance(devnet.tokens.TOKENA!)).toBe(tokens);
  await figuresAreTheChains(page, devnet);
  // The list tells them apart.
  await page.getByTestId('live-status').selectOption('cancelled');
  await expect(page.getByTestId('live-row')).toHaveCount(1);
  await expect(row(page, never)).toBeVisible();
});

test('a reply that is lost is asked for again, and the swap is done once', async ({ page, world, complaints }) => {
  test.setTimeout(120_000);
  complaints.excuseApi();
  const devnet = await world.devnet();
  await open(page, devnet);
  await quote(page, 'ETH', 'TOKENA', '1');
  const keys: string[] = [];
  // The server takes it, and its answer never arrives; twice, as often as the page tries by itself.
  await page.route('**/api/v1/transactions', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    keys.push(route.request().headers()['idempotency-key']!);
    await route.fetch();
    await route.abort();
  });
  await page.getByTestId('live-send').click();
  await expect(page.getByTestId('live-unanswered')).toBeVisible();
  await page.unroute('**/api/v1/transactions');
  // It is remembered over a reload of the page.
  await page.reload();
  await expect(page.getByTestId('live-unanswered')).toContainText('1 ETH for TOKENA');
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/transactions')) keys.push(request.headers()['idempotency-key']!);
  });
  await page.getByTestId('live-again').click();
  await expect(page.getByTestId('live-unanswered')).toBeHidden();
  expect(keys.length).toBe(3);
  expect(new Set(keys).size).toBe(1);
  await expect(page.getByTestId('live-row')).toHaveCount(1);
  const id = (await page.getByTestId('live-row').getAttribute('data-id'))!;
  await mineUntil(page, devnet, id, 'completed');
  await expect(page.getByTestId('live-row')).toHaveCount(1);
  await figuresAreTheChains(page, devnet);
});

test('without the token nothing is seen, and a forgotten one opens nothing', async ({ page, world, complaints }) => {
  complaints.excuseApi();
  const devnet = await world.devnet();
  await page.goto(`${devnet.url}/live`);
  await expect(page.getByTestId('live-gate').first()).toBeVisible();
  await page.getByTestId('live-token').fill('short');
  await page.getByTestId('live-enter').click();
  await expect(page.getByTestId('live-token-wrong')).toContainText('32');
  await page.getByTestId('live-token').fill('f'.repeat(64));
  await page.getByTestId('live-enter').click();
  await expect(page.getByTestId('live-token-wrong')).toContainText('not the operator');
  await page.getByTestId('live-token').fill(devnet.token);
  await page.getByTestId('live-enter').click();
  await expect(page.getByTestId('live-wallet')).toBeVisible();
  expect(page.url()).not.toContain(devnet.token);
  await page.reload();
  await expect(page.getByTestId('live-wallet')).toBeVisible();
  await page.getByTestId('live-forget').click();
  await expect(page.getByTestId('live-token')).toBeVisible();
  expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).not.toContain(devnet.token);
  await page.reload();
  await expect(page.getByTestId('live-token')).toBeVisible();
});

test('a server that signs nothing says so, and how it would', async ({ page, world, complaints }) => {
  complaints.excuseApi();
  const server = await world.demo();
  await page.goto(`${server.url}/live`);
  await page.getByTestId('live-token').fill('f'.repeat(64));
  await page.getByTestId('live-enter').click();
  await expect(page.getByTestId('live-off')).toContainText('FOOLSCAP_OPERATOR_TOKEN_FILE');
  await expect(page.getByTestId('live-off')).toContainText('cargo xtask devnet');
});

for (const [size, viewport] of Object.entries({ desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } })) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`axe finds nothing on the live page on a ${size} in the ${colorScheme}`, async ({ browser, world, complaints }) => {
      test.setTimeout(120_000);
      const devnet = await world.devnet();
      const touch = size === 'phone';
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce', hasTouch: touch, isMobile: touch });
      await complaints.watch(context);
      const page = await context.newPage();
      const look = async (state: string) => {
        const found = await new AxeBuilder({ page }).analyze();
        expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`), state).toEqual([]);
        const width = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(width, `${state} is as wide as the screen`).toBe(0);
        if (process.env.FOOLSCAP_SHOTS) await page.screenshot({ path: `${process.env.FOOLSCAP_SHOTS}/${size}-${colorScheme}-${state}.png`, fullPage: true });
      };
      await page.goto(`${devnet.url}/live`);
      await expect(page.getByTestId('live-token')).toBeVisible();
      await look('gate');
      await open(page, devnet);
      await look('empty');
      await devnet.hold();
      await quote(page, 'ETH', 'TOKENA', '1');
      await look('review');
      const id = await send(page);
      await expect(row(page, id)).toHaveAttribute('data-status', 'pending');
      await page.getByTestId('toasts').locator('.toast-close').first().click();
      await look('pending');
      await mineUntil(page, devnet, id, 'completed');
      await look('completed');
      await context.close();
    });
  }
}
