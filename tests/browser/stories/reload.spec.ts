// A reload shows the same account, and a second tab neither loses nor doubles a trade.
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

test('a reload keeps the account byte for byte', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('1000');
  await desk.closeToasts();
  await desk.side('sell');
  await page.getByTestId('take-25').click();
  await desk.trade(await desk.amount.inputValue());
  await desk.closeToasts();
  const before = await desk.figures();
  const journal = await desk.exported();

  await page.reload();
  await desk.ready();
  expect(await desk.figures()).toEqual(before);
  expect((await desk.exported()).text).toBe(journal.text);
});

test('of two tabs on one account the second hears of the first, and nothing is lost or doubled', async ({ context, page, world }) => {
  const server = await world.demo();
  const first = new Desk(page);
  await first.open(server.url);
  await first.priced();
  await first.withoutChance();
  const second = new Desk(await context.newPage());
  await second.open(server.url);
  await second.priced();

  // The second reviews figures that the first then changes.
  await second.amount.fill('700');
  await second.amount.press('Enter');
  await expect(second.button).toContainText('Confirm');
  await first.trade('1000');
  await second.button.click();
  await expect(second.reason).toContainText('changed in another tab');
  await expect(second.reason).toContainText('confirm once more');
  expect(await second.cash.innerText()).toBe(await first.cash.innerText());

  await second.trade('700');
  await expect(second.toasts).toContainText('Bought');
  const journal = (await second.exported()).text;
  expect(journal.match(/"kind":"traded"/g)).toHaveLength(2);
});

test('what was shown as done before the tab was closed at once is there', async ({ context, page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('1000');
  await page.close();
  const again = new Desk(await context.newPage());
  await again.open(server.url);
  await expect(again.page.getByTestId('position')).toHaveCount(1);
});
