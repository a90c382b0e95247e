// Numbers in the marks of the person's country, shown and typed.
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

test.describe('in a German browser', () => {
  test.use({ locale: 'de-DE' });

  test('figures are shown and typed with a comma, and a point is asked about', async ({ page, world }) => {
    const server = await world.demo();
    const desk = new Desk(page);
    await desk.open(server.url);
    await expect(desk.cash).toHaveText('$10.000,00');
    await desk.amount.fill('1.000,5');
    await expect(desk.button).toHaveText(/^Buy 0,\d+ WETH for \$1\.000,50$/);
    for (const text of ['1.5', '1,234.5', '1234.56']) {
      await desk.amount.fill(text);
      await expect(page.getByTestId('amount-error')).toHaveText('Write decimals after “,” and thousands with “.”, as in 1.234,56.');
      await expect(desk.button).toHaveText('Enter an amount like 1.234,56');
    }
    // What the page fills in is in the same marks, and reads back.
    await page.getByTestId('take-25').click();
    await expect(desk.amount).toHaveValue('2500');
    await desk.settings({ failure: '0', tolerance: '0,25' });
    await desk.trade('100,5');
    await expect(desk.toasts).toContainText('for $100,50');
    await desk.side('sell');
    await page.getByTestId('take-50').click();
    await expect(desk.amount).toHaveValue(/^0,\d+$/);
    await expect(desk.button).toHaveText(/^Sell 0,/);
  });
});

test('another way to write numbers holds at once, for fields too, and stays', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.go('Settings');
  await expect(page.getByTestId('settings-tolerance')).toHaveValue('0.5');
  await page.getByTestId('numbers-comma').click();
  await expect(page.getByTestId('numbers-example')).toHaveText('1.234,56');
  await expect(page.getByTestId('settings-tolerance')).toHaveValue('0,5');
  await expect(page.locator('.header-equity')).toContainText('$10.000,00');
  await page.reload();
  await desk.go('Trade');
  await expect(desk.cash).toHaveText('$10.000,00');
  await desk.go('Settings');
  await page.getByTestId('numbers-lakh').click();
  await desk.fund('990000');
  await expect(desk.cash).toHaveText('$10,00,000.00');
});
