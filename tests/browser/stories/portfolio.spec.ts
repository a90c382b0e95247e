// What the account is worth, how it came there, what it cost; and how the desk itself is doing.
import { readFileSync } from 'node:fs';
import { Desk } from '../support/desk.ts';
import { expect, foolscap, test } from '../support/world.ts';

/** A figure of the page as a number. */
const figure = (text: string) => Number(text.replace(/[^\d.\u2212-]/g, '').replace('\u2212', '-'));

test('the line, the allocation and the costs are those of the journal', async ({ page, world }) => {
  const coingecko = await world.coingecko();
  await coingecko.price('weth', '3000');
  const server = await world.real(coingecko);
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.go('Portfolio');
  await expect(page.getByTestId('no-curve')).toContainText('begins with your first trade');
  await desk.go('Trade');
  await desk.withoutChance();
  await desk.trade('1000');
  await desk.closeToasts();
  await desk.side('sell');
  await page.getByTestId('take-50').click();
  await desk.trade(await desk.amount.inputValue());
  await desk.closeToasts();
  const { account } = foolscap('replay', (await desk.exported()).path);

  await desk.go('Portfolio');
  const line = page.getByTestId('curve').getByRole('img');
  await expect(line).toHaveAttribute('aria-label', /^Equity from \$10,000\.00 on .* to \$9,99\d\.\d\d now$/);
  await page.getByTestId('curve-open').click();
  // Opened, settings, two trades, and now.
  const rows = page.getByTestId('curve-table').locator('tbody tr');
  await expect(rows).toHaveCount(5);
  await expect(rows.last()).toContainText('$10,000.00');
  await expect(rows.first().locator('td').first()).toHaveText(await page.getByTestId('equity').innerText());

  const { totals } = account;
  const parts = ['gas_of_buys', 'gas_of_sells', 'gas_of_swaps', 'gas_of_failed', 'lp_fees', 'impact', 'slippage'];
  const costs = parts.reduce((sum, part) => sum + Number(totals[part]), 0);
  expect(figure(await page.getByTestId('all-costs').innerText())).toBeCloseTo(costs, 2);
  const shares = await page.getByTestId('allocation').locator('tbody tr td:nth-of-type(2)').allInnerTexts();
  expect(shares).toHaveLength(2);
  expect(shares.map(figure).reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 1);

  // Without its costs the line ends higher by just them.
  const end = async () => figure(/to (\S+) now/.exec((await line.getAttribute('aria-label'))!)![1]!);
  const after = await end();
  await page.getByTestId('curve-before').click();
  await expect.poll(end).toBeCloseTo(after + costs, 1);
});

test('the desk says how it is doing, and saves it without a secret', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('1000');
  await desk.closeToasts();
  // The disk fills up.
  await page.evaluate(() => {
    const add = IDBObjectStore.prototype.add;
    (window as any).mend = () => (IDBObjectStore.prototype.add = add);
    IDBObjectStore.prototype.add = () => {
      throw new DOMException('no room', 'QuotaExceededError');
    };
  });
  await desk.amount.fill('500');
  await desk.amount.press('Enter');
  await expect(desk.button).toContainText('Confirm');
  await page.keyboard.press('Enter');
  await expect(desk.toasts).toContainText('The trade was not placed');
  await desk.closeToasts();
  await page.evaluate(() => (window as any).mend());

  await desk.go('Portfolio');
  await page.getByRole('link', { name: 'Diagnostics' }).click();
  const facts = page.getByTestId('diagnostics');
  const fact = (name: string) => facts.locator('div', { has: page.locator('dt', { hasText: name }) }).locator('dd').last();
  await expect(fact('Trades placed since this page was loaded')).toHaveText('1');
  await expect(fact('99 of 100 within')).toContainText(/^\d+\.\d ms, within 500 ms$/);
  await expect(fact('Entries in this account')).toHaveText('3');
  await expect(fact('Writes that failed since then')).toHaveText('1');
  await expect(page.getByTestId('failed-writes')).toContainText('no room left');
  await expect(fact('Taken on this device')).toContainText(/kB|MB/);
  await expect(fact('Works without its server')).toHaveText('yes');

  const download = page.waitForEvent('download');
  await page.getByTestId('diagnostics-save').click();
  const text = readFileSync(await (await download).path(), 'utf8');
  const log = JSON.parse(text);
  expect(log.durable_us).toHaveLength(1);
  expect(log.failed_writes).toHaveLength(1);
  expect(log.Build).toBe(await page.locator('html').getAttribute('data-build'));
  const secrets = await page.evaluate(async () => {
    const open = indexedDB.open('foolscap');
    const database = await new Promise<IDBDatabase>((opened) => (open.onsuccess = () => opened(open.result)));
    const request = database.transaction('accounts').objectStore('accounts').getAll();
    const records = await new Promise<string[]>((found) => (request.onsuccess = () => found(request.result)));
    database.close();
    return records.map((record) => JSON.parse(record).secret);
  });
  expect(secrets).toHaveLength(1);
  expect(secrets[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(text).not.toContain(secrets[0]);
});
