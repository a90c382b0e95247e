// An account with a long history: opened from a snapshot, which is a cache and never a truth; searched, scrolled
// and recounted without standing still.
import { type Page } from '@playwright/test';
import { readFileSync, writeFileSync } from 'node:fs';
import { Desk, WETH } from '../support/desk.ts';
import { expect, foolscap, simulate, test } from '../support/world.ts';

const USDC = '8453:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913';
/** More than a snapshot is kept for. */
const TRADES = 1_500;

/** A journal of many trades by the real simulator: buys of WETH, now and then a sale or a swap. */
function journal(path: string): string {
  const start = Date.parse('2026-01-05T00:00:00Z');
  const requests = Array.from({ length: TRADES }, (_, n) => {
    const order =
      n % 10 === 8 ? { side: 'sell', token: WETH, size: '$20' }
      : n % 10 === 9 ? { side: 'swap', from: WETH, to: USDC, size: '$10' }
      : { side: 'buy', token: WETH, size: `$${50 + (n % 7)}` };
    return { request: { order }, at: new Date(start + n * 600_000).toISOString(), seed: String(n) };
  });
  simulate(requests, '--market', 'demo', '--cash', '200000', '--save', path);
  return readFileSync(path, 'utf8');
}

/** What the store keeps beside the journal. */
async function snapshot(page: Page, change?: 'spoil'): Promise<number> {
  return page.evaluate(async (change) => {
    const database = await new Promise<IDBDatabase>((opened) => {
      const request = indexedDB.open('foolscap');
      request.onsuccess = () => opened(request.result);
    });
    const store = database.transaction('cache', 'readwrite').objectStore('cache');
    const found = await new Promise<number>((done) => {
      let size = 0;
      store.openCursor().onsuccess = (event) => {
        const cursor = (event.target as IDBRequest<IDBCursorWithValue | null>).result;
        if (!cursor) return done(size);
        if (String(cursor.key).startsWith('snapshot')) {
          const bytes = cursor.value as Uint8Array;
          size = bytes.length;
          if (change) cursor.update(bytes.map((byte, at) => (at === size >> 1 ? byte ^ 1 : byte)));
        }
        cursor.continue();
      };
    });
    database.close();
    return found;
  }, change);
}

/** Makes another number of one line of the stored journal. */
async function tamper(page: Page, seq: number): Promise<void> {
  await page.evaluate(async (seq) => {
    const database = await new Promise<IDBDatabase>((opened) => {
      const request = indexedDB.open('foolscap');
      request.onsuccess = () => opened(request.result);
    });
    const store = database.transaction('entries', 'readwrite').objectStore('entries');
    await new Promise<void>((done) => {
      store.openCursor().onsuccess = (event) => {
        const cursor = (event.target as IDBRequest<IDBCursorWithValue | null>).result;
        if (!cursor) return done();
        if (String(cursor.value).includes(`"seq":${seq},`)) cursor.update(cursor.value.replace(/"ms":\d+/, '"ms":1'));
        cursor.continue();
      };
    });
    database.close();
  }, seq);
}

async function figures(desk: Desk): Promise<string[]> {
  const realised = await desk.page.getByTestId('realised').innerText();
  return [await desk.cash.innerText(), realised, await desk.page.getByTestId('gas-paid').innerText()];
}

test('a long account opens from a snapshot, without one, and with a spoilt one, as the same account', async ({ page, world }) => {
  test.setTimeout(180_000);
  const server = await world.demo();
  const text = journal(test.info().outputPath('long.jsonl'));
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.import(text);
  await expect(desk.toasts).toContainText(`All ${TRADES + 1} entries are new on this device. Its seal is whole.`, { timeout: 60_000 });
  await desk.closeToasts();
  await desk.go('Trade');
  const before = await figures(desk);
  const totals = foolscap('replay', test.info().outputPath('long.jsonl')).account.totals;
  await expect(page.getByTestId('desk-tab-1')).toHaveText(`History (${totals.filled + totals.failed})`);
  // It is written when the desk is quiet.
  await expect.poll(() => snapshot(page), { timeout: 30_000 }).toBeGreaterThan(10_000);

  await page.reload();
  await desk.ready();
  expect(await figures(desk)).toEqual(before);
  // Its tail goes on from there.
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('77');
  await desk.closeToasts();
  const after = await figures(desk);

  await snapshot(page, 'spoil');
  await page.reload();
  await desk.ready();
  await expect.poll(() => figures(desk), { timeout: 30_000 }).toEqual(after);
  const { path } = await desk.exported();
  expect(foolscap('replay', path).account.totals.filled).toBe(totals.filled + 1);
});

test('a line that was changed behind a snapshot is found in the background and told', async ({ page, world }) => {
  test.setTimeout(180_000);
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.import(journal(test.info().outputPath('long.jsonl')));
  await expect(desk.toasts).toContainText('The journal is good', { timeout: 60_000 });
  await expect.poll(() => snapshot(page), { timeout: 30_000 }).toBeGreaterThan(10_000);
  await tamper(page, 700);
  await page.reload();
  // The account opens from its snapshot at once, and is taken out of hand again when its journal is read: how
  // long it is seen between the two is the machine's business.
  await expect(page.getByTestId('banner-damaged')).toContainText('is damaged at line 700', { timeout: 60_000 });
  await desk.go('Trade');
  await expect(desk.button).toHaveText('No account is open');
  const download = page.waitForEvent('download');
  await page.getByTestId('banner-damaged').getByRole('button', { name: 'Save the journal' }).click();
  const saved = readFileSync(await (await download).path(), 'utf8');
  expect(saved.trimEnd().split('\n')).toHaveLength(TRADES + 1);
});

test('a long history is filtered and scrolled, and each row opens its own receipt', async ({ page, world }) => {
  test.setTimeout(180_000);
  const server = await world.demo();
  const path = test.info().outputPath('long.jsonl');
  const lines = journal(path).trimEnd().split('\n').slice(1, -1).map((line) => JSON.parse(line));
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.import(readFileSync(path, 'utf8'));
  await expect(desk.toasts).toContainText('The journal is good', { timeout: 60_000 });
  await desk.closeToasts();
  await desk.go('History');
  const count = page.getByTestId('history-count');
  const entries = (n: number) => `${n.toLocaleString('en')} ${n === 1 ? 'entry' : 'entries'}`;
  const like = (test: (body: any, line: any) => boolean) => lines.filter((line) => test(line.body, line)).length;

  await expect(count).toHaveText(entries(lines.length));
  // Only what is in sight is on the page.
  expect(await page.getByTestId('entry').count()).toBeLessThan(100);
  await page.getByTestId('filter-failed').click();
  await expect(count).toHaveText(entries(like((body) => body.failed)));
  await page.getByTestId('filter-trades').click();
  await page.getByTestId('filter-side').selectOption({ label: 'Swaps' });
  await expect(count).toHaveText(entries(like((body) => body.buy && body.sell)));
  await page.getByTestId('filter-side').selectOption({ label: 'Any side' });
  await page.getByTestId('filter-token').selectOption(USDC);
  await expect(count).toHaveText(entries(like((body) => body.buy?.toLowerCase() === USDC)));
  await page.getByTestId('filter-token').selectOption('');
  await page.getByTestId('filter-day').fill('2026-01-07');
  await expect(count).toHaveText(entries(like((_, line) => line.at.startsWith('2026-01-07'))));
  await page.getByTestId('filter-day').fill('');
  await expect(count).toHaveText(entries(lines.length));

  // To the very end: the first trade of all, and its receipt.
  await page.evaluate(() => document.scrollingElement!.scrollTo(0, document.scrollingElement!.scrollHeight));
  const last = page.getByTestId('entry').last();
  await expect(last).toHaveAttribute('data-seq', '2');
  await expect(last.getByTestId('outcome')).toContainText(/Filled|Failed/);
  await last.getByTestId('open-receipt').click();
  await expect(page.getByTestId('receipt')).toContainText('Trade id');
  await expect(page.getByTestId('receipt')).toContainText(lines[0].body.id.slice(-4));
});

test('an export, an import and a change of the cost method leave the page its frames, and can be stopped', async ({ page, world }) => {
  test.setTimeout(180_000);
  const server = await world.demo();
  const path = test.info().outputPath('long.jsonl');
  const text = journal(path);
  const desk = new Desk(page);
  await desk.open(server.url);
  const accounts = await page.getByTestId('account').locator('option').count();

  // Stopped, an import leaves nothing behind.
  await page.evaluate(() => {
    const stop = new MutationObserver(() => document.querySelector<HTMLElement>('[data-testid="stop-work"]')?.click());
    stop.observe(document.body, { childList: true, subtree: true });
    (window as any).goOn = () => stop.disconnect();
  });
  await desk.import(text);
  await expect(page.getByTestId('import-refused')).toContainText('It was stopped', { timeout: 60_000 });
  expect(await page.getByTestId('account').locator('option').count()).toBe(accounts);
  await page.evaluate(() => (window as any).goOn());

  await desk.import(text);
  await expect(desk.toasts).toContainText('The journal is good', { timeout: 60_000 });
  await desk.closeToasts();
  expect((await desk.exported()).text).toBe(text);
  // The sums of every method are those of the journal's own replay.
  for (const method of ['fifo', 'lifo', 'hifo', 'average']) {
    await desk.go('Settings');
    await page.getByTestId(`method-${method}`).click();
    await page.getByTestId('save-settings').click();
    await expect(desk.toasts).toContainText('Settings changed', { timeout: 60_000 });
    await desk.closeToasts();
    const { path } = await desk.exported();
    const { account } = foolscap('replay', path);
    expect(account.settings.cost_method).toBe(method);
    const cents = Math.round(Number(account.realised) * 100) / 100;
    const shown = (await page.getByTestId('realised').innerText()).replaceAll(/[^\d.]/g, '');
    expect(Number(shown)).toBeCloseTo(Math.abs(cents), 2);
  }
});
