// Trying the desk with no network behind it: the server's demo market, and dist/ on any static host.
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

test('the demo market needs no upstream, says DEMO, and fills a trade', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await expect(desk.badges).toContainText('PAPER');
  await expect(desk.badges).toContainText('DEMO');
  await desk.priced();
  await expect(page.getByTestId('token-head')).toContainText('demo market');
  await desk.withoutChance();
  await desk.trade('500');
  await expect(desk.toasts).toContainText('Bought');
  await page.getByRole('button', { name: 'Open the receipt' }).click();
  await expect(page.getByTestId('receipt')).toContainText('No real money, no real price');
});

test('dist/ on a plain static host opens a demo account and trades', async ({ page, world, complaints }) => {
  // The one question whether there is a server here is answered by the host's 404.
  complaints.excuseApi();
  const host = await world.static();
  const desk = new Desk(page);
  await desk.open(host.url);
  await expect(desk.badges).toContainText('DEMO');
  await expect(desk.badges).not.toContainText('OFFLINE');
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('500');
  await expect(page.getByTestId('position')).toHaveCount(1);
  await page.reload();
  await desk.ready();
  await expect(page.getByTestId('position')).toHaveCount(1);
});

test('demo prices and real prices are different accounts', async ({ page, world }) => {
  const coingecko = await world.coingecko();
  await coingecko.price('weth', '3000');
  const server = await world.real(coingecko);
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('1000');
  await expect(page.getByTestId('position')).toHaveCount(1);

  await page.getByTestId('account').selectOption('new-demo');
  await expect(desk.badges).toContainText('DEMO');
  await expect(desk.cash).toHaveText('$10,000.00');
  await expect(page.getByTestId('position')).toHaveCount(0);
  await expect(page.getByTestId('token-head')).toContainText('demo market');

  await page.getByTestId('account').selectOption({ label: 'Paper' });
  await expect(desk.badges).not.toContainText('DEMO');
  await expect(page.getByTestId('position')).toHaveCount(1);
  await expect(page.getByTestId('token-head').getByTestId('price')).toHaveText('$3,000.00');
});
