// A browser that refuses to store, or has no room: cash, positions and history stay, and the person is told.
import { chromium, type BrowserContext, type Page } from '@playwright/test';
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

/** A browser with a profile on disk, of which the origin's quota is set before it writes anything. */
async function visit(profile: string, origin: string, quota?: number): Promise<Visit> {
  const { launchOptions, viewport } = test.info().project.use;
  // Chromium's fixed quota for every site knows no override.
  const args = [...(launchOptions?.args ?? []), '--disable-features=StaticStorageQuota'];
  const context = await chromium.launchPersistentContext(profile, { ...launchOptions, args, viewport });
  const page = await context.newPage();
  // The browser forgets what it was told when the session ends.
  const session = await context.newCDPSession(page);
  const allow = async (quotaSize?: number) => {
    await session.send('Storage.overrideQuotaForOrigin', quotaSize === undefined ? { origin } : { origin, quotaSize });
  };
  await allow(quota);
  return { context, page, allow };
}

interface Visit {
  context: BrowserContext;
  page: Page;
  /** Sets the quota in bytes; nothing for what it was by nature. */
  allow(quota?: number): Promise<void>;
}

async function traded(page: Page, url: string): Promise<Desk> {
  const desk = new Desk(page);
  await desk.open(url);
  await desk.priced();
  await desk.withoutChance();
  await desk.trade('1000');
  await desk.closeToasts();
  return desk;
}

async function refused(desk: Desk): Promise<void> {
  await desk.amount.fill('500');
  await desk.amount.press('Enter');
  await expect(desk.button).toContainText('Confirm');
  await desk.page.keyboard.press('Enter');
  await expect(desk.toasts).toContainText('The trade was not placed');
  await expect(desk.toasts).toContainText('Cash, positions and history are as they were');
  await expect(desk.reason).toContainText('Nothing was changed');
}

test('a full store refuses the trade, changes nothing, says so, and takes it once there is room', async ({ world, complaints }) => {
  const server = await world.demo();
  const profile = test.info().outputPath('profile');
  const first = await visit(profile, server.url);
  const before = await (await traded(first.page, server.url)).figures();
  await first.context.close();

  const { context, page, allow } = await visit(profile, server.url, 1);
  await complaints.watch(context);
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  expect(await desk.figures()).toEqual(before);
  await refused(desk);
  await expect(desk.toasts).toContainText('no room left');
  expect(await desk.figures()).toEqual(before);
  await desk.closeToasts();

  await allow();
  await desk.trade('500');
  await expect(desk.toasts).toContainText('Bought');
  await page.reload();
  await desk.ready();
  await page.getByTestId('desk-tab-1').click();
  await expect(page.getByTestId('entry')).toHaveCount(2);
  await context.close();
});

test('a first visit to a full device shows the desk and says that nothing is kept', async ({ world, complaints }) => {
  const server = await world.demo();
  const { context, page, allow } = await visit(test.info().outputPath('profile'), server.url, 1);
  await complaints.watch(context);
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await expect(page.getByTestId('banner-not-kept')).toContainText('no room left');
  await refused(desk);
  await expect(desk.cash).toHaveText('$10,000.00');
  await desk.closeToasts();

  // The trade itself finds that there is room now, and keeps the account with it.
  await allow();
  await desk.trade('500');
  await expect(page.getByTestId('banner-not-kept')).toHaveCount(0);
  const cash = await desk.cash.innerText();
  await page.reload();
  await desk.ready();
  await expect(desk.cash).toHaveText(cash);
  await context.close();
});

for (const [how, breakage] of [
  ['refuses to add an entry', 'throw'],
  ['gives a write up at the last moment', 'abort'],
] as const) {
  test(`a store that ${how} leaves everything as it was`, async ({ page, world }) => {
    const server = await world.demo();
    const desk = await traded(page, server.url);
    const before = await desk.figures();
    await page.evaluate((how) => {
      const add = IDBObjectStore.prototype.add;
      IDBObjectStore.prototype.add = function (this: IDBObjectStore, ...entry: Parameters<typeof add>) {
        if (how === 'throw') throw new DOMException('no room', 'QuotaExceededError');
        const request = add.apply(this, entry);
        request.addEventListener('success', () => this.transaction.abort());
        return request;
      };
    }, breakage);
    await refused(desk);
    expect(await desk.figures()).toEqual(before);
    await page.reload();
    await desk.ready();
    await desk.priced();
    expect(await desk.figures()).toEqual(before);
  });
}

test('a browser without storage shows the desk, refuses trades, and keeps the account once it may', async ({ page, world }) => {
  await page.addInitScript(() => {
    const open = IDBFactory.prototype.open;
    let denied = true;
    (window as any).allow = () => (denied = false);
    IDBFactory.prototype.open = function (this: IDBFactory, ...what: Parameters<typeof open>) {
      if (denied) throw new DOMException('The operation is insecure.', 'SecurityError');
      return open.apply(this, what);
    };
  });
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await expect(page.getByTestId('banner-not-kept')).toContainText('Your account is not being kept');
  await expect(page.getByTestId('banner-not-kept')).toContainText('Leave private browsing');
  await expect(desk.cash).toHaveText('$10,000.00');
  const before = await desk.figures();
  await refused(desk);
  expect(await desk.figures()).toEqual(before);
  await desk.closeToasts();

  await page.evaluate(() => (window as any).allow());
  await page.getByTestId('retry-store').click();
  await expect(desk.toasts).toContainText('Your account is kept again');
  await expect(page.getByTestId('banner-not-kept')).toHaveCount(0);
  await desk.closeToasts();
  await desk.withoutChance();
  await desk.trade('500');
  await expect(page.getByTestId('position')).toHaveCount(1);
});

test('a newcomer sees the account while it is being written, and a trade waits until it is on the disk', async ({ page, world }) => {
  // The disk takes its time over the new account: the transaction goes on until it is let go.
  await page.addInitScript(() => {
    const add = IDBObjectStore.prototype.add;
    IDBObjectStore.prototype.add = function (this: IDBObjectStore, ...entry: Parameters<typeof add>) {
      const spin = () => {
        if (!(window as any).letGo) this.get('nothing').onsuccess = spin;
      };
      if (this.name === 'accounts') spin();
      return add.apply(this, entry);
    };
  });
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await expect(desk.cash).toHaveText('$10,000.00');
  await desk.priced();
  await desk.amount.fill('500');
  await desk.amount.press('Enter');
  await expect(desk.button).toContainText('Confirm');
  await page.keyboard.press('Enter');
  await expect(desk.button).toHaveText('Writing it to your journal');
  await expect(desk.cash).toHaveText('$10,000.00');
  await expect(desk.toasts.getByTestId('toast')).toHaveCount(0);

  await page.evaluate(() => ((window as any).letGo = true));
  await expect(desk.toasts.getByTestId('toast')).toHaveCount(1);
  const cash = await desk.cash.innerText();
  expect(cash).not.toBe('$10,000.00');
  await page.reload();
  await desk.ready();
  await expect(desk.cash).toHaveText(cash);
  await page.getByTestId('desk-tab-1').click();
  await expect(page.getByTestId('entry')).toHaveCount(1);
});
