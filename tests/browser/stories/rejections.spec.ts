// Every rejection there is, reached through the page, with its cause and its remedy on it.
//
// One cannot be reached: MixedMarkets. The page keeps one market, of the kind of the account in hand; answers
// of the backend never enter a demo market, and another account empties it first. `shared` and `View` hold
// that in tests of their own.
import { Desk, WETH } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

const KEYCAT = '8453:0x9a26f5433671751c3276a065f57e5a02d2817973';

test('each rejection says its cause, its remedy, and that on the button', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  const told = async (button: string | RegExp, cause: string | RegExp, remedy: string) => {
    await expect(desk.button).toHaveText(button);
    await expect(desk.button).toHaveAttribute('aria-disabled', 'true');
    await expect(desk.reason).toContainText(cause);
    await expect(desk.reason).toContainText(remedy);
  };

  await test.step('nothing entered', async () => {
    await expect(desk.button).toHaveText('Enter an amount');
  });
  await test.step('no number', async () => {
    await desk.amount.fill('ten');
    await expect(page.getByTestId('amount-error')).toContainText('is not a decimal number');
    await expect(desk.button).toHaveText('Enter an amount like 1,234.56');
  });
  await test.step('a number that could be meant in two ways', async () => {
    for (const text of ['1.234,5', '1,5', '0,500']) {
      await desk.amount.fill(text);
      await expect(page.getByTestId('amount-error')).toHaveText('Write decimals after “.” and thousands with “,”, as in 1,234.56.');
      await expect(desk.button).toHaveText('Enter an amount like 1,234.56');
    }
  });
  await test.step('zero', async () => {
    await desk.amount.fill('0');
    await told('Enter an amount above zero', 'The amount is zero', 'Enter an amount above zero.');
  });
  await test.step('negative', async () => {
    await desk.amount.fill('-5');
    await told('Enter a positive amount', 'The amount is negative', 'Enter a positive amount');
  });
  await test.step('too large for any ledger', async () => {
    await desk.amount.fill('99999999999999999');
    await expect(page.getByTestId('amount-error')).toContainText('too large');
  });
  await test.step('more than the cash, gas included', async () => {
    await desk.amount.fill('10000');
    await told('Not enough cash', /This needs \$10,000\.\d\d, .* of it gas, and you have \$10,000\.00 in cash/, 'Lower the amount, use Max, or add funds.');
  });
  await test.step('finer than the token', async () => {
    await page.getByTestId('ticket-token').selectOption({ label: 'cbBTC' });
    await page.getByTestId('unit-token').click();
    await desk.amount.fill('0.000000001');
    await told('Too many decimal places', 'This token has 8 decimal places', 'Use fewer decimal places.');
  });
  await test.step('more than is held', async () => {
    await desk.side('sell');
    await desk.amount.fill('1');
    await told('Not enough to sell', 'This needs 1 cbBTC, and you hold 0', 'Lower the amount');
  });
  await test.step('all of nothing', async () => {
    await page.getByTestId('take-100').click();
    await told('Nothing to sell', 'You hold no cbBTC.', 'Buy some first, or pick a token you hold.');
  });
  await test.step('the same token twice', async () => {
    await desk.side('swap');
    await page.getByTestId('ticket-other').selectOption({ label: 'cbBTC' });
    await desk.amount.fill('1');
    await told('Pick two different tokens', 'Both sides are the same token', 'Pick two different tokens.');
  });
  await test.step('two chains', async () => {
    await page.getByTestId('ticket-other').selectOption({ label: 'LINK' });
    await told('Tokens of two chains', 'have no pool in common', 'Pick two tokens of one chain');
  });
  await test.step('a token without a price', async () => {
    await desk.side('buy');
    await page.getByTestId('search').fill('BOND');
    await page.getByTestId('market').filter({ hasText: 'BOND' }).first().click();
    await desk.amount.fill('10');
    await told('No price', 'There is no price for BOND on Ethereum', 'Wait for a price');
    await page.getByTestId('search').fill('');
  });
  await test.step('outside the limits', async () => {
    await page.locator(`[data-testid=market][data-token="${KEYCAT}"]`).click();
    await desk.amount.fill('0.001');
    await told('Outside your limits', 'is outside your limits of $0.01 to $1,000,000,000.00', 'Change the amount, or the limits in Settings.');
  });
  await test.step('more than the pool holds', async () => {
    await page.getByTestId('unit-token').click();
    await desk.amount.fill('1,000,000,000,000');
    await told('The market is too thin', 'would take all the liquidity', 'Lower the amount, or split it over time.');
  });
  await test.step('too large for base units', async () => {
    await desk.amount.fill(`1${'0'.repeat(65)}`);
    await told('Amount too large', 'too large to account for', 'Lower the amount.');
    await page.getByTestId('unit-usd').click();
  });
  await test.step('no cash left for gas', async () => {
    await desk.withoutChance();
    await page.getByTestId('take-100').click();
    await expect(desk.button).toHaveText(/^Buy [\d,.]+ KEYCAT for \$9,99/);
    await desk.amount.press('Enter');
    await expect(desk.button).toContainText('Confirm');
    await page.keyboard.press('Enter');
    await expect(desk.toasts).toContainText('Bought');
    await desk.side('sell');
    await page.getByTestId('take-25').click();
    await told('Not enough cash for gas', 'is paid in cash, and you have $0.00', 'Add funds');
  });
});

test('a trade that fails says why, costs only its gas, and stands in the history', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.settings({ failure: '100' });
  await desk.trade('1000');
  await expect(desk.toasts).toContainText('The buy for $1,000.00 failed');
  await expect(desk.toasts).toContainText('Nothing was exchanged; gas of');
  await expect(page.getByTestId('no-positions')).toBeVisible();
  await expect(desk.cash).toHaveText(/^\$9,999\.\d\d$/);
  await expect(page.getByTestId('realised')).toContainText('\u2212');
  await page.getByTestId('desk-tab-1').click();
  await expect(page.getByTestId('outcome')).toHaveText('✕ Failed');
});

test('an order that moves the price by 15% or more is refused, and an expert may confirm it', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.withoutChance();
  await desk.fund('90000');
  await desk.pick(KEYCAT);
  await desk.amount.fill('60000');
  await expect(desk.button).toHaveText('Too large for this market');
  await expect(desk.reason).toContainText(/moves the price against you by 2\d(\.\d+)?%\. From 15% on it is refused/);
  await expect(desk.reason).toContainText('Lower the amount or split it over time. Expert mode in Settings allows it.');
  await expect(page.getByTestId('impact-consent')).toHaveCount(0);

  await desk.go('Settings');
  await page.getByTestId('settings-expert').check();
  await page.getByTestId('save-settings').click();
  await expect(desk.toasts).toContainText('Settings changed');
  await desk.closeToasts();
  await desk.go('Trade');
  await desk.amount.fill('60000');
  // Not even an expert trades so without a word.
  await expect(desk.button).toHaveText(/^Type 2\d above to go on$/);
  await expect(desk.button).toHaveAttribute('aria-disabled', 'true');
  const percent = /Type (\d+)/.exec(await desk.button.innerText())![1]!;
  await page.getByTestId('impact-typed').fill(percent);
  await expect(desk.button).toHaveText(/^Buy/);
  await desk.button.click();
  await desk.button.click();
  await expect(desk.toasts).toContainText('Bought');
});

test('without a price of the coin that pays gas, or with an old one, nothing is traded', async ({ page, world }) => {
  const server = await world.real(await world.coingecko());
  let change = (natives: any[]): any[] => natives.filter((native) => native.chain !== 8453);
  // What the story changes on the way has to be asked for.
  await page.routeWebSocket('**/api/v1/socket', (socket) => socket.close());
  await page.route('**/api/v1/prices*', async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    body.natives = change(body.natives);
    await route.fulfill({ response: answer, json: body });
  });
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.amount.fill('100');
  await expect(desk.button).toHaveText('Gas has no price');
  await expect(desk.reason).toContainText('There is no price for ETH, which pays gas on Base.');
  await expect(desk.reason).toContainText("Wait for a price of the chain's coin, or trade on another chain.");

  change = (natives) => natives.map((native) => ({ ...native, as_of: new Date(Date.parse(native.as_of) - 600_000).toISOString() }));
  await page.reload();
  await desk.ready();
  await desk.priced();
  await desk.amount.fill('100');
  await expect(desk.button).toHaveText("Accept the price's age");
  await expect(desk.reason).toContainText(/The price of ETH, which pays gas on Base, is 1\d min old\./);
  await expect(desk.reason).toContainText('Wait for a fresh price, or accept');
  await page.getByTestId('consent').getByRole('checkbox').check();
  await expect(desk.button).toHaveText(/^Buy/);
});

test('a token of another account is unknown to this one', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.go('Settings');
  const form = page.getByTestId('add-token');
  await form.getByTestId('settings-token-symbol').fill('MINE');
  await form.getByTestId('settings-token-address').fill('0x1111111111111111111111111111111111111111');
  await form.getByRole('button').click();
  await expect(desk.toasts).toContainText('MINE is added');
  await desk.go('Trade');
  await expect(page.getByTestId('token-symbol')).toHaveText('MINE');
  await page.getByTestId('account').selectOption('new-demo');
  await expect(page.getByTestId('account').locator('option:checked')).toHaveText('Demo 2');
  await desk.amount.fill('10');
  await expect(desk.button).toHaveText('Unknown token');
  await expect(desk.reason).toContainText('0x1111111111111111111111111111111111111111 is in no token table.');
  await expect(desk.reason).toContainText('Add the token by its address, or pick one from the list.');
  await desk.pick(WETH);
  await expect(desk.button).toHaveText(/^Buy/);
});
