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
