// The ticket's parts: the rate, the tolerance, and the price impact that is confirmed by typing it.
import AxeBuilder from '@axe-core/playwright';
import { Desk, WETH } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

const KEYCAT = '8453:0x9a26f5433671751c3276a065f57e5a02d2817973';

test('the rate is that of the whole exchange, and a press turns it round', async ({ page, world }) => {
  const coingecko = await world.coingecko();
  await coingecko.price('weth', '2000');
  const server = await world.real(coingecko);
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  const rate = page.getByTestId('rate');
  await expect(rate).toContainText('-');
  await desk.amount.fill('1000');
  await expect(rate).toHaveText(/^1 WETH = \$2,0\d\d\.\d\d ⇄$/);
  await rate.click();
  await expect(rate).toHaveText(/^\$1 = 0\.000\d+ WETH ⇄$/);
  await rate.click();
  // What is learnt of the market meanwhile changes the rate: both ways of it, and what is received, are read
  // until they are of one moment.
  await expect(async () => {
    const [, dollars] = /= \$([\d,.]+)/.exec(await rate.innerText())!;
    await rate.click();
    const [, tokens] = /= ([\d.]+) WETH/.exec(await rate.innerText())!;
    await rate.click();
    const [, received] = /^([\d.]+) WETH/.exec(await page.getByTestId('expected').innerText())!;
    expect(Number(dollars!.replaceAll(',', '')) * Number(tokens)).toBeCloseTo(1, 3);
    // What is received is the amount times the rate.
    expect(1000 * Number(tokens)).toBeCloseTo(Number(received), 4);
  }).toPass();
});

test('a tolerance warns when it is wide, or too narrow for what moves, and a wrong one is not taken', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.amount.fill('100');
  const own = page.getByTestId('tolerance-own');
  const minimum = () => page.getByTestId('preview-minimum').innerText();

  await expect(page.getByTestId('tolerance-50')).toHaveAttribute('aria-pressed', 'true');
  const before = await minimum();
  await page.getByTestId('tolerance-100').click();
  await expect.poll(minimum).not.toBe(before);
  await expect(page.getByTestId('tolerance-wide')).toHaveCount(0);

  await own.fill('1.5');
  await expect(page.getByTestId('tolerance-wide')).toContainText('With 1.5% you accept a much worse price');
  await own.fill('0.04');
  await expect(page.getByTestId('tolerance-narrow')).toContainText(/moves about [\d.]+% a day: with 0\.04% the trade may well fail/);
  await own.fill('0.05');
  await expect(page.getByTestId('tolerance-narrow')).toHaveCount(0);
  // A dollar against a dollar does not move.
  await own.fill('0.01');
  await expect(page.getByTestId('tolerance-narrow')).toBeVisible();
  await page.getByTestId('ticket-token').selectOption({ label: 'USDC' });
  await expect(desk.button).toHaveText(/^Buy/);
  await expect(page.getByTestId('tolerance-narrow')).toHaveCount(0);

  for (const wrong of ['0', '101', 'much', '0,3']) {
    await own.fill(wrong);
    await expect(page.getByTestId('tolerance-error')).toHaveText('A tolerance is a percentage above 0 and up to 100, such as 0.3.');
    await expect(own).toHaveAttribute('aria-invalid', 'true');
    await expect(desk.button).toHaveText('Enter a tolerance above 0 and up to 100%');
  }
  await page.getByTestId('tolerance-10').click();
  await expect(own).toHaveValue('');
  await expect(desk.button).toHaveText(/^Buy/);
});

test('price impact is named as it grows, and from 10% on it is typed before anything is placed', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.withoutChance();
  await desk.fund('90000');
  await desk.pick(KEYCAT);
  const impact = page.getByTestId('preview-impact');
  for (const [amount, words] of [
    ['100', /%\)$/],
    ['3000', /%\), noticeable$/],
    ['8000', /%\), high$/],
    ['15000', /%\), very high$/],
  ] as const) {
    await desk.amount.fill(amount);
    await expect(impact).toHaveText(words);
    await expect(page.getByTestId('impact-consent')).toHaveCount(0);
    await expect(desk.button).toHaveText(/^Buy/);
  }

  await desk.amount.fill('26000');
  const consent = page.getByTestId('impact-consent');
  await expect(consent).toContainText(/moves the price against you by about 1[12]%\. That is a loss the moment it fills\. To go on, type 1[12]\./);
  await expect(desk.button).toHaveText(/^Type 1[12] above to go on$/);
  // Enter does not go past it.
  await desk.amount.press('Enter');
  await expect(desk.button).toHaveText(/^Type 1[12] above to go on$/);
  const percent = Number(/Type (\d+)/.exec(await desk.button.innerText())![1]);
  const typed = page.getByTestId('impact-typed');
  await typed.fill(String(percent - 1));
  await expect(desk.button).toHaveAttribute('aria-disabled', 'true');
  await typed.fill(`${percent}%`);
  await expect(desk.button).toHaveText(/^Buy/);
  // Consent is for this amount.
  await desk.amount.fill('27000');
  await expect(desk.button).toHaveText(/^Type 1[123] above to go on$/);
  await desk.amount.fill('26000');
  await typed.fill(String(percent));
  await typed.press('Enter');
  await expect(desk.button).toHaveText(/^Confirm: Buy/);
  await page.keyboard.press('Enter');
  await expect(desk.toasts).toContainText('Bought');
  await expect(page.getByTestId('position')).toHaveCount(1);
  await expect(consent).toHaveCount(0);
});

test('a swap is turned round, and each side keeps to what there is', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.withoutChance();
  await desk.trade('1000');
  await desk.closeToasts();
  await desk.side('swap');
  await expect(page.getByTestId('ticket-token')).toHaveValue(WETH);
  await expect(page.getByTestId('ticket-other').locator('option:checked')).toHaveText('USDC');
  await page.getByTestId('take-25').click();
  await expect(desk.button).toHaveText(/^Swap [\d.]+ WETH for [\d.]+ USDC$/);
  await page.getByTestId('flip').click();
  await expect(page.getByTestId('ticket-token').locator('option:checked')).toHaveText('USDC');
  await expect(page.getByTestId('ticket-other')).toHaveValue(WETH);
  await expect(desk.amount).toHaveValue('');
  await desk.amount.fill('1');
  await expect(desk.button).toHaveText('Not enough to sell');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing in warnings, a large impact, the list of keys and a chart's table, in the ${colorScheme}`, async ({ browser, world, complaints }) => {
    const server = await world.demo();
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme, reducedMotion: 'reduce' });
    await complaints.watch(context);
    const page = await context.newPage();
    const desk = new Desk(page);
    const check = async (state: string) => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(' ')}`), state).toEqual([]);
    };
    await desk.open(server.url);
    await desk.fund('90000');
    await desk.pick(KEYCAT);
    await page.locator('.market-row').first().hover();
    await page.getByTestId('star').first().click();
    await desk.amount.fill('26000');
    await page.getByTestId('tolerance-own').fill('3');
    await expect(page.getByTestId('impact-consent')).toBeVisible();
    await expect(page.locator('price-chart canvas').first()).toBeVisible();
    await page.getByTestId('chart-table').click();
    await expect(page.getByTestId('candle').first()).toBeVisible();
    await check('a large impact');
    await page.getByTestId('tolerance-own').fill('no');
    await expect(page.getByTestId('tolerance-error')).toBeVisible();
    await check('a wrong tolerance');
    await desk.amount.fill('60000');
    await page.getByTestId('tolerance-50').click();
    await expect(desk.reason).toBeVisible();
    await check('a refused order');
    await page.getByTestId('keys').click();
    await expect(page.getByTestId('key-list')).toBeVisible();
    await check('the list of keys');
    await context.close();
  });
}
