// Several accounts: opened with any sum, named, reset without losing anything, and removed only on purpose.
import { Desk } from '../support/desk.ts';
import { expect, foolscap, test } from '../support/world.ts';

test('an account is opened with a name and a sum of its own, renamed, and funded', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.go('Accounts');
  await page.getByTestId('new-name').fill('Small steps');
  await page.getByTestId('new-market-demo').click();
  await page.getByTestId('new-deposit').fill('many');
  await page.getByTestId('new-open').click();
  await expect(page.getByTestId('accounts').getByRole('alert').filter({ hasText: /\w/ })).toBeVisible();
  await page.getByTestId('new-deposit').fill('2,500.50');
  await page.getByTestId('new-open').click();
  await expect(desk.toasts).toContainText('It starts with $2,500.50 in paper money.');
  await expect(page.getByTestId('account-in-hand')).toContainText('Small steps');

  await page.getByTestId('account-name').fill('Smaller steps');
  await page.getByTestId('rename').click();
  await expect(page.getByTestId('account').locator('option:checked')).toHaveText('Smaller steps (demo)');
  await page.getByTestId('deposit').fill('100');
  await page.getByTestId('add-funds').click();
  await expect(desk.toasts).toContainText('Funds added');
  await desk.go('Trade');
  await expect(desk.cash).toHaveText('$2,600.50');
  await page.reload();
  await expect(desk.cash).toHaveText('$2,600.50');
  await expect(page.getByTestId('account').locator('option:checked')).toHaveText('Smaller steps (demo)');
});

test('a reset archives the old run whole, clears balance, orders and history together, and can be undone', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.settings({ failure: '0', tolerance: '0.7' });
  await desk.trade('1000');
  await desk.closeToasts();
  const before = await desk.figures();
  const journal = (await desk.exported()).text;

  await desk.go('Accounts');
  await expect(page.getByTestId('archived-account')).toHaveCount(0);
  await page.getByTestId('reset-deposit').fill('5000');
  await page.getByTestId('reset').click();
  await expect(desk.toasts).toContainText('The old account is in the archive, whole');
  await desk.closeToasts();
  await expect(page.getByTestId('archived-account')).toHaveCount(1);
  await desk.go('Trade');
  await expect(desk.cash).toHaveText('$5,000.00');
  await expect(page.getByTestId('position')).toHaveCount(0);
  await page.getByTestId('desk-tab-1').click();
  await expect(page.getByTestId('entry')).toHaveCount(0);
  // The settings came along.
  await desk.go('Settings');
  await expect(page.getByTestId('settings-tolerance')).toHaveValue('0.7');
  await expect(page.getByTestId('settings-failure')).toHaveValue('0');

  // After a reload the fresh one is in hand, and the old one readable: figures, history, export.
  await page.reload();
  await desk.go('Trade');
  await expect(desk.cash).toHaveText('$5,000.00');
  await desk.go('Accounts');
  await page.getByTestId('archived-account').getByTestId('open-account').click();
  await expect(page.getByTestId('banner-archived')).toContainText('You are looking at an archived account');
  await desk.go('Trade');
  expect(await desk.figures()).toEqual(before);
  expect((await desk.exported()).text).toBe(journal);
  // It is not traded on.
  await desk.amount.fill('100');
  await desk.amount.press('Enter');
  await expect(desk.button).toContainText('Confirm');
  await page.keyboard.press('Enter');
  await expect(desk.reason).toContainText('This account is archived');
  await expect(desk.reason).toContainText('Take it back in hand');
  expect(await desk.figures()).toEqual(before);

  // Undone: the old one goes on, and what took its place is archived, not lost.
  await page.getByTestId('restore').click();
  await expect(desk.toasts).toContainText('is in hand again');
  await desk.closeToasts();
  await expect(page.getByTestId('banner-archived')).toHaveCount(0);
  await desk.trade('100');
  await desk.closeToasts();
  await desk.go('Accounts');
  await expect(page.getByTestId('kept-account')).toHaveCount(1);
  await expect(page.getByTestId('archived-account')).toHaveCount(1);
});

test('a second tab hears of a new name and of a reset, and trades on nothing that is archived', async ({ context, page, world }) => {
  const server = await world.demo();
  const first = new Desk(page);
  await first.open(server.url);
  await first.priced();
  await first.withoutChance();
  const second = new Desk(await context.newPage());
  await second.open(server.url);
  await second.priced();
  await first.go('Accounts');
  await page.getByTestId('account-name').fill('Shared');
  await page.getByTestId('rename').click();
  await expect(second.page.getByTestId('account').locator('option:checked')).toHaveText('Shared (demo)');
  await page.getByTestId('reset').click();
  await expect(second.page.getByTestId('banner-archived')).toBeVisible();
  await second.amount.fill('100');
  await second.amount.press('Enter');
  await expect(second.button).toContainText('Confirm');
  await second.page.keyboard.press('Enter');
  await expect(second.reason).toContainText('This account is archived');
});

test('an archived account is removed for good only after its export and by its name', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('1000');
  await desk.closeToasts();
  await desk.go('Accounts');
  await page.getByTestId('reset').click();
  await expect(desk.toasts).toContainText('A fresh start');
  await desk.closeToasts();
  await page.getByTestId('archived-account').getByTestId('open-account').click();

  await page.getByTestId('remove-name').fill('Demo');
  await expect(page.getByTestId('remove-why')).toContainText('Export its journal first');
  await page.getByTestId('remove').click({ force: true });
  await expect(page.getByTestId('archived-account')).toHaveCount(1);
  const download = page.waitForEvent('download');
  await page.getByTestId('export-journal').click();
  const file = await (await download).path();
  await expect(desk.toasts).toContainText('Saved');
  await desk.closeToasts();
  await page.getByTestId('remove-name').fill('something');
  await expect(page.getByTestId('remove-why')).toContainText('Type “Demo” to remove it');
  await page.getByTestId('remove').click({ force: true });
  await expect(page.getByTestId('archived-account')).toHaveCount(1);
  await page.getByTestId('remove-name').fill('Demo');
  await page.getByTestId('remove').click();
  await expect(desk.toasts).toContainText('is removed');
  await expect(page.getByTestId('archived-account')).toHaveCount(0);
  await page.reload();
  await expect(page.getByTestId('kept-account')).toHaveCount(1);
  await expect(page.getByTestId('archived-account')).toHaveCount(0);

  // The file is all of it.
  const { account, sealed } = foolscap('replay', file);
  expect([sealed, account.positions.length]).toEqual([true, 1]);
});
