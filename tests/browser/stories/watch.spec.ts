// A reader's link: what the account does is seen as it happens, nothing can be changed, and it ends when it is
// revoked.
import { test as base } from '@playwright/test';
import AxeBuilder from '@axe-core/playwright';
import { Desk } from '../support/desk.ts';
import { copied, Devices, held } from '../support/devices.ts';
import { expect, test as worldTest } from '../support/world.ts';

const test = worldTest.extend<{ devices: Devices }>({
  devices: async ({ browser, complaints }, use) => {
    const devices = new Devices(browser, complaints);
    await use(devices);
    await devices.end();
  },
});

const folder = () => base.info().outputPath('data');

/** Makes a link for a reader and returns it. */
async function readerLink(desk: Desk, devices: Devices, name: string): Promise<string> {
  await desk.go('Accounts');
  await desk.page.getByTestId('link-name').fill(name);
  await desk.page.getByTestId('make-link').click();
  await expect(desk.toasts).toContainText('The link is made');
  await desk.closeToasts();
  const row = desk.page.getByTestId('reader-link').filter({ hasText: name });
  const link = (await row.getByRole('button', { name: 'Copy link' }).getAttribute('title'))!;
  devices.secrets.add(link.split('.').at(-1)!);
  await desk.go('Trade');
  return link;
}

test('a reader sees trades as they come, keeps its place, and sees nothing once the link is revoked', async ({ world, devices, complaints }) => {
  complaints.excuse(/Failed to load resource|WebSocket connection/);
  const server = await world.kept(folder());
  const owner = await devices.first(server);
  await owner.withoutChance();
  await owner.trade('1000');
  await owner.closeToasts();
  await copied(owner);
  const link = await readerLink(owner, devices, 'Ada');

  const reader = await devices.open();
  await reader.goto(link);
  await expect(reader.getByTestId('watch')).toBeVisible();
  await expect(reader.getByTestId('read-only')).toHaveText('READ-ONLY');
  await expect(reader.getByTestId('watch-name')).toHaveText('Demo');
  await expect(reader.getByTestId('watch-live')).toContainText('“Chromium on Linux” trades on it since');
  await expect(reader.getByTestId('watch-live')).toContainText('2 read it now');
  await expect(reader.getByTestId('watch-cash')).toHaveText(await owner.cash.innerText());
  await expect(reader.getByTestId('watch-trade')).toHaveCount(1);
  await expect(reader.getByTestId('watch-position')).toHaveCount(1);
  await expect(reader.getByTestId('watch-position').getByTestId('price')).toContainText('$');
  await expect(reader.locator('input, select, form')).toHaveCount(0);
  // Whoever only reads has no account here, and is not given one.
  expect(await reader.evaluate(async () => (await indexedDB.databases()).map((database) => database.name))).toEqual([]);

  await owner.trade('500');
  await owner.closeToasts();
  await expect(reader.getByTestId('watch-trade')).toHaveCount(2);
  await expect(reader.getByTestId('watch-cash')).toHaveText(await owner.cash.innerText());
  await owner.side('sell');
  await owner.page.getByTestId('take-100').click();
  await owner.amount.press('Enter');
  await owner.page.keyboard.press('Enter');
  await expect(owner.toasts).toContainText('Sold');
  await owner.closeToasts();
  await expect(reader.getByTestId('watch-position')).toHaveCount(0);
  await expect(reader.getByTestId('watch-realised')).not.toHaveText('$0.00');
  await owner.side('buy');

  // The server goes; what is shown says how old it is, and goes on when it is back.
  await server.stop();
  await expect(reader.getByTestId('watch-late')).toBeVisible({ timeout: 20_000 });
  await owner.trade('50');
  await owner.closeToasts();
  await server.start();
  await expect(reader.getByTestId('watch-late')).toHaveCount(0, { timeout: 40_000 });
  await expect(reader.getByTestId('watch-trade')).toHaveCount(4, { timeout: 40_000 });
  await expect(reader.getByTestId('watch-cash')).toHaveText(await owner.cash.innerText());

  await owner.go('Accounts');
  const row = owner.page.getByTestId('reader-link').filter({ hasText: 'Ada' });
  await row.getByTestId('revoke-link').click();
  await row.getByTestId('revoke-link').click();
  await expect(owner.page.getByTestId('no-links')).toBeVisible();
  await expect(reader.getByTestId('watch-closed')).toBeVisible({ timeout: 40_000 });
  await reader.reload();
  await expect(reader.getByTestId('watch-closed')).toContainText('This link opens nothing');
  devices.secrets.kept();
});

test('a link that never was, is not whole, or has ended is told alike', async ({ world, devices, complaints }) => {
  complaints.excuse(/Failed to load resource/);
  const server = await world.kept(folder());
  const reader = await devices.open();
  const told = [];
  for (const hash of ['', '#', `#${'0'.repeat(32)}.${'0'.repeat(64)}`, `#${'0'.repeat(32)}`]) {
    await reader.goto('about:blank');
    await reader.goto(`${server.url}/watch${hash}`);
    await expect(reader.getByTestId('watch-closed')).toBeVisible();
    told.push(await reader.getByTestId('watch-closed').innerText());
  }
  expect(new Set(told).size).toBe(1);
  await reader.getByRole('link', { name: 'Open a desk of your own' }).click();
  await new Desk(reader).ready();
});

for (const [name, viewport] of [
  ['desktop', { width: 1440, height: 900 }],
  ['phone', { width: 390, height: 844 }],
] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`devices, links and the watch page are for everybody: ${name}, ${colorScheme}`, async ({ world, devices, complaints }) => {
      complaints.excuse(/Failed to load resource/);
      const server = await world.kept(folder());
      const owner = new Desk(await devices.open({ viewport, colorScheme }));
      await owner.open(server.url);
      await owner.priced();
      const account = async () => {
        await owner.page.goto(`${server.url}/accounts`);
        await expect(owner.page.getByTestId('copy-words')).toHaveAttribute('data-state', 'kept', { timeout: 20_000 });
      };
      const check = async (page: Desk['page']) => {
        const found = await new AxeBuilder({ page }).analyze();
        expect(found.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target).join(' ')}`)).toEqual([]);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect(wide, 'nothing runs over the edge').toBeLessThanOrEqual(0);
      };
      await account();
      await owner.page.getByTestId('show-token').click();
      await owner.page.getByTestId('make-link').click();
      await expect(owner.page.getByTestId('reader-link')).toHaveCount(1);
      await owner.closeToasts();
      await check(owner.page);
      await shot(owner.page, `accounts-${name}-${colorScheme}`);
      const token = (await owner.page.getByTestId('owner-token').getByRole('button').last().getAttribute('title'))!;
      const link = (await owner.page.getByTestId('reader-link').getByRole('button').first().getAttribute('title'))!;

      const second = new Desk(await devices.open({ viewport, colorScheme }));
      await second.page.goto(`${server.url}/accounts#own=${token}`);
      await expect(second.page.getByTestId('arrived')).toBeVisible();
      await check(second.page);
      await second.page.getByTestId('bring-account').click();
      await expect(second.toasts).toContainText('is in hand');
      await second.closeToasts();
      await second.page.goto(server.url);
      await expect(held(second)).toHaveAttribute('data-state', 'theirs');
      await check(second.page);
      await shot(second.page, `following-${name}-${colorScheme}`);
      await second.page.goto(`${server.url}/branches`);
      await expect(second.page.getByTestId('no-branches')).toBeVisible();
      await check(second.page);
      await second.page.goto(`${server.url}/thoughts`);
      await expect(second.page.getByTestId('no-thoughts')).toBeVisible();
      await check(second.page);

      const reader = await devices.open({ viewport, colorScheme });
      await reader.goto(link);
      await expect(reader.getByTestId('watch')).toBeVisible();
      await check(reader);
      await shot(reader, `watch-${name}-${colorScheme}`);
      await reader.goto('about:blank');
      await reader.goto(`${server.url}/watch#none`);
      await expect(reader.getByTestId('watch-closed')).toBeVisible();
      await check(reader);
    });
  }
}

/** A picture for people, where FOOLSCAP_SHOTS names a folder. */
async function shot(page: Desk['page'], name: string): Promise<void> {
  const folder = process.env.FOOLSCAP_SHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}
