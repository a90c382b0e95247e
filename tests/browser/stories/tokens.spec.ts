// Tokens beyond the built-in ones: found by search, or added by address.
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

const OWN = '0x1111111111111111111111111111111111111111';

test('a listed token is found by search and priced once somebody looks at it', async ({ page, world }) => {
  const coingecko = await world.coingecko();
  const server = await world.real(coingecko);
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await page.getByTestId('search').fill('comp');
  const row = page.getByTestId('market').filter({ hasText: 'COMP' }).first();
  await expect(row.getByTestId('price')).toHaveText('-');
  await row.click();
  await expect(page.getByTestId('token-symbol')).toHaveText('COMP');
  await desk.priced();
  await page.getByTestId('search').fill('no such token');
  await expect(page.getByTestId('no-markets')).toContainText('No token matches');
});

test('a token is added by its address, a mistyped one is named, and the account keeps it', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.go('Settings');
  const form = page.getByTestId('add-token');
  await form.getByTestId('settings-token-symbol').fill('MINE');
  // Its last letter should be a small one.
  await form.getByTestId('settings-token-address').fill('0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD');
  await form.getByRole('button').click();
  await expect(page.getByTestId('token-error')).toContainText('fail the address checksum');
  await form.getByTestId('settings-token-address').fill(OWN);
  await form.getByRole('button').click();
  await expect(desk.toasts).toContainText('MINE is added');
  await desk.go('Trade');
  await expect(page.getByTestId('token-symbol')).toHaveText('MINE');
  await desk.amount.fill('10');
  await expect(desk.reason).toContainText('There is no price for MINE on Base');

  await page.reload();
  await desk.ready();
  await page.getByTestId('search').fill('mine');
  await expect(page.locator(`[data-testid=market][data-token="8453:${OWN}"]`)).toContainText('MINE');
});

test('starred markets come first and stay, and the long list comes a page at a time', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  const rows = page.getByTestId('market');
  const first = rows.first();
  const toshi = page.locator('.market-row').filter({ hasText: 'TOSHI' }).first();
  await expect(first).not.toContainText('TOSHI');
  await toshi.hover();
  await toshi.getByTestId('star').click();
  await expect(first).toContainText('TOSHI');
  await expect(page.getByTestId('star').first()).toHaveAttribute('aria-pressed', 'true');
  await page.reload();
  await desk.ready();
  await expect(first).toContainText('TOSHI');
  // Also by keyboard: the star is the next stop after its market.
  await first.focus();
  await page.keyboard.press('Tab');
  await expect(page.getByTestId('star').first()).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(first).not.toContainText('TOSHI');

  const before = await rows.count();
  expect(before).toBeLessThan(80);
  await page.getByTestId('more-markets').click();
  await expect(rows).toHaveCount(before + 60);
  // Every market of the table is within reach, by symbol, name and address.
  for (const words of ['LINK', 'chainlink', '0x514910771af9ca656af840dff83e8264ecf986ca']) {
    await page.getByTestId('search').fill(words);
    await expect(first).toContainText('LINK');
  }
  await page.getByTestId('search').fill('');
  await page.getByTestId('chain-filter').selectOption('8453');
  await expect(rows.filter({ hasText: 'Ethereum' })).toHaveCount(0);
  // Sign and triangle, never colour alone, and the age in words.
  await expect(first).toContainText(/[▲▼][+\u2212]\d+\.\d\d%/);
  await expect(first.locator('.dot')).toHaveText('fresh');
});
