// Journals out and in: a tampered one is refused with its line, a truncated one recovered and said.
import type { Browser } from '@playwright/test';
import { Desk } from '../support/desk.ts';
import { type Complaints, expect, test, type World } from '../support/world.ts';

/** A journal of an account with two trades, and where it was made. */
async function journal(browser: Browser, world: World, complaints: Complaints): Promise<{ text: string; url: string; cash: string }> {
  const server = await world.demo();
  const context = await browser.newContext();
  await complaints.watch(context);
  const desk = new Desk(await context.newPage());
  await desk.open(server.url);
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('1000');
  await desk.closeToasts();
  await desk.trade('250');
  await desk.closeToasts();
  const { text } = await desk.exported();
  const cash = await desk.cash.innerText();
  await context.close();
  return { text, url: server.url, cash };
}

test('a tampered journal is refused with the line named, and nothing changes', async ({ browser, page, world, complaints }) => {
  const { text, url } = await journal(browser, world, complaints);
  const desk = new Desk(page);
  await desk.open(url);
  await desk.priced();
  const accounts = await page.getByTestId('account').locator('option').count();
  const before = await desk.figures();

  const lines = text.split('\n');
  const third = lines[2]!.replace('"$1000"', '"$9000"');
  expect(third).not.toBe(lines[2]);
  await desk.import([...lines.slice(0, 2), third, ...lines.slice(3)].join('\n'));
  await expect(page.getByTestId('import-refused')).toContainText(/line 3\b/i);
  await expect(page.getByTestId('import-refused')).toContainText('nothing was changed');
  expect(await page.getByTestId('account').locator('option').count()).toBe(accounts);
  await desk.go('Trade');
  expect(await desk.figures()).toEqual(before);
});

test('a whole journal brings its account, and a second import of it adds nothing', async ({ browser, page, world, complaints }) => {
  const { text, url, cash } = await journal(browser, world, complaints);
  const desk = new Desk(page);
  await desk.open(url);
  await desk.import(text);
  await expect(desk.toasts).toContainText('All 4 entries are new on this device. Its seal is whole.');
  await desk.closeToasts();
  await desk.import(text);
  await expect(desk.toasts).toContainText('This device had all of it already');
  await desk.go('Trade');
  await expect(desk.cash).toHaveText(cash);
  await page.getByTestId('desk-tab-1').click();
  await expect(page.getByTestId('entry')).toHaveCount(2);
  await desk.closeToasts();
  expect((await desk.exported()).text).toBe(text);
});

test('a journal cut off in its last line is recovered, and that is said', async ({ browser, page, world, complaints }) => {
  const { text, url } = await journal(browser, world, complaints);
  const lines = text.split('\n');
  const cut = [...lines.slice(0, 3), lines[3]!.slice(0, 200)].join('\n');
  const desk = new Desk(page);
  await desk.open(url);
  await desk.import(cut);
  await expect(desk.toasts).toContainText('last line was cut off');
  await expect(desk.toasts).toContainText('Line 4 was cut off after 200 bytes');
  await expect(desk.toasts).toContainText('All 3 entries are new on this device');
  await desk.go('Trade');
  await page.getByTestId('desk-tab-1').click();
  await expect(page.getByTestId('entry')).toHaveCount(1);
});

test('a journal damaged on the device is told with its line, kept as it is, and can be saved', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('1000');
  await desk.trade('500');
  await page.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((opened) => {
      const request = indexedDB.open('foolscap');
      request.onsuccess = () => opened(request.result);
    });
    const store = database.transaction('entries', 'readwrite').objectStore('entries');
    await new Promise<void>((done) => {
      store.openCursor().onsuccess = (event) => {
        const cursor = (event.target as IDBRequest<IDBCursorWithValue | null>).result;
        if (!cursor) return done();
        if (cursor.value.includes('"$1000"')) cursor.update(cursor.value.replaceAll('"$1000"', '"$1"'));
        cursor.continue();
      };
    });
    database.close();
  });
  await page.reload();
  const banner = page.getByTestId('banner-damaged');
  await expect(banner).toContainText('is damaged at line 3');
  await expect(banner).toContainText('Nothing was changed or dropped');
  await expect(desk.button).toHaveText('No account is open');
  const download = page.waitForEvent('download');
  await banner.getByRole('button', { name: 'Save the journal' }).click();
  expect((await download).suggestedFilename()).toContain('damaged');
});
