// One account on several devices: seen at once, written by one at a time, and never lost or mixed.
import { test as base } from '@playwright/test';
import type { Page } from '@playwright/test';
import { Desk } from '../support/desk.ts';
import { copied, Devices, held, ownLink } from '../support/devices.ts';
import { expect, test as worldTest } from '../support/world.ts';

/** Trades that are followed. By number it is a measurement, on a machine that does nothing else. */
const FOLLOWED = Number(process.env.FOOLSCAP_FOLLOWED ?? 10);
/** How long a trade may take to another device, in milliseconds, at the 99th percentile; beside other stories, which
 * have the processors as well, it only has to come by itself. */
const AT_MOST_MS = process.env.FOOLSCAP_FOLLOWED ? 250 : 5_000;

const test = worldTest.extend<{ devices: Devices }>({
  devices: async ({ browser, complaints }, use) => {
    const devices = new Devices(browser, complaints);
    await use(devices);
    await devices.end();
  },
});

const folder = () => base.info().outputPath('data');

/** The journal without its seal. */
const lines = (text: string) => text.trim().split('\n').filter((line) => !line.startsWith('{"seal"'));

/** Notes each moment at which the cash on the page changes. */
async function watchCash(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(() => {
    const cash = document.querySelector('[data-testid="cash"]')!;
    const times: number[] = [];
    Object.assign(window, { cashTimes: times });
    new MutationObserver(() => times.push(Date.now())).observe(cash, { subtree: true, characterData: true, childList: true });
  });
  return () => page.evaluate(() => (window as any).cashTimes as number[]);
}

test(`${FOLLOWED} trades on one device are seen on another as they happen`, async ({ world, devices }) => {
  test.setTimeout(60_000 + FOLLOWED * 2_000);
  const server = await world.kept(folder());
  const first = await devices.first(server);
  await first.withoutChance();
  const second = await devices.another(first);
  await expect(held(second)).toHaveAttribute('data-state', 'theirs');
  await expect(second.button).toContainText("It is not this device's turn");
  await expect(second.cash).toHaveText(await first.cash.innerText());

  const [here, there] = [await watchCash(first.page), await watchCash(second.page)];
  for (let trade = 0; trade < FOLLOWED; trade++) {
    await first.trade(`${10 + trade}.5`);
    await first.closeToasts();
    await expect.poll(async () => (await there()).length).toBe(trade + 1);
  }
  const [done, seen] = [await here(), await there()];
  expect([done.length, seen.length]).toEqual([FOLLOWED, FOLLOWED]);
  const took = seen.map((at, index) => at - done[index]!).sort((one, other) => one - other);
  const p99 = took[Math.ceil(took.length * 0.99) - 1]!;
  console.log(`trades seen on another device: ${took.length}, median ${took[took.length >> 1]} ms, p99 ${p99} ms, most ${took.at(-1)} ms`);
  expect(p99).toBeLessThanOrEqual(AT_MOST_MS);
  await expect(second.cash).toHaveText(await first.cash.innerText());
  expect(lines((await second.exported()).text)).toEqual(lines((await first.exported()).text));
  devices.secrets.kept();
});

test('the server is gone for a while: trading goes on, and everything arrives in order when it is back', async ({ world, devices, complaints }) => {
  complaints.excuse(/Failed to load resource|WebSocket connection/);
  const server = await world.kept(folder());
  const first = await devices.first(server);
  await first.withoutChance();
  const second = await devices.another(first);
  await first.trade('100');
  await first.closeToasts();
  await expect(second.cash).toHaveText(await first.cash.innerText());
  await server.stop();
  for (const amount of ['200', '300', '400']) {
    await first.trade(amount);
    await first.closeToasts();
  }
  await expect(first.page.getByTestId('copy')).toHaveAttribute('data-state', 'waiting', { timeout: 20_000 });
  await expect(first.page.getByTestId('copy')).toContainText('3 waiting');
  await expect(held(second), 'who follows does not begin to trade by itself').toBeVisible();
  await server.start();
  await copied(first);
  await expect(second.cash).toHaveText(await first.cash.innerText(), { timeout: 40_000 });
  expect(lines((await second.exported()).text)).toEqual(lines((await first.exported()).text));
});

test('a device that closes gives its turn back, and another takes over', async ({ world, devices }) => {
  const server = await world.kept(folder());
  const first = await devices.first(server);
  await first.withoutChance();
  const second = await devices.another(first);
  await expect(held(second)).toHaveAttribute('data-state', 'theirs');
  const cash = await first.cash.innerText();
  await first.page.close({ runBeforeUnload: true });
  await expect(held(second)).toHaveAttribute('data-state', 'free');
  await second.page.getByTestId('ticket').getByTestId('take-over').click();
  await expect(held(second)).toHaveCount(0);
  await expect(second.cash).toHaveText(cash);
  await second.trade('100');
  await copied(second);
});

test('a device hands over by its own wish, and follows from then on', async ({ world, devices }) => {
  const server = await world.kept(folder());
  const first = await devices.first(server);
  await first.withoutChance();
  const second = await devices.another(first);
  await first.go('Accounts');
  await first.page.getByTestId('device-name').fill('The laptop');
  await first.page.getByTestId('name-device').click();
  await first.page.getByTestId('hand-over').click();
  await expect(first.page.getByTestId('devices').getByTestId('held')).toHaveAttribute('data-state', 'free');
  await expect(held(second)).toHaveAttribute('data-state', 'free');
  await second.page.getByTestId('ticket').getByTestId('take-over').click();
  await expect(held(second)).toHaveCount(0);
  await expect(first.page.getByTestId('devices').getByTestId('held')).toHaveAttribute('data-state', 'theirs');
  await second.trade('100');
  await first.go('Trade');
  await expect(first.cash).toHaveText(await second.cash.innerText());
});

/** Two devices, of which the first was cut off and went on, as the second did after its turn had ended. */
async function parted(world: any, devices: Devices): Promise<{ first: Desk; second: Desk }> {
  const server = await world.kept(folder(), 8);
  const first = await devices.first(server);
  await first.withoutChance();
  const second = await devices.another(first);
  await expect(held(second)).toHaveAttribute('data-state', 'theirs');
  await first.page.route('**/api/**', (route) => route.abort());
  await first.trade('111');
  await first.closeToasts();
  await expect(held(second)).toHaveAttribute('data-state', 'free', { timeout: 20_000 });
  await second.page.getByTestId('ticket').getByTestId('take-over').click();
  await expect(held(second)).toHaveCount(0);
  await second.trade('222');
  await second.closeToasts();
  await second.trade('333');
  await second.closeToasts();
  await copied(second);
  await first.trade('123');
  await first.closeToasts();
  await first.page.unroute('**/api/**');
  await expect(held(first)).toHaveAttribute('data-state', 'parted', { timeout: 40_000 });
  // A reload does not forget it.
  await first.page.reload();
  await first.ready();
  await expect(held(first)).toHaveAttribute('data-state', 'parted');
  await expect(first.button).toHaveText('Choose a branch first');
  await first.page.getByTestId('banner-parted').getByRole('link').click();
  const side = (name: string) => first.page.getByTestId(`branch-${name}`);
  await expect(side('ours').getByTestId('branch-entries')).toHaveText('2');
  await expect(side('ours').getByTestId('branch-trades')).toHaveText('2');
  await expect(side('theirs').getByTestId('branch-trades')).toHaveText('2');
  await expect(first.page.getByTestId('branches-words')).toContainText('both are the same');
  return { first, second };
}

test('of two branches the owner keeps the one at the server, and this device follows it', async ({ world, devices, complaints }) => {
  complaints.excuse(/Failed to load resource/);
  const { first, second } = await parted(world, devices);
  await first.page.getByTestId('choose-theirs').click();
  await expect(first.toasts).toContainText('goes on with the branch you chose');
  await expect(first.page.getByTestId('not-parted')).toBeVisible();
  await expect(first.page.getByTestId('kept-branch')).toHaveCount(1);
  await expect(first.page.getByTestId('kept-branch')).toContainText('2 entries');
  await first.closeToasts();
  await first.go('Trade');
  await expect(first.cash).toHaveText(await second.cash.innerText());
  expect(lines((await first.exported()).text)).toEqual(lines((await second.exported()).text));
});

test('of two branches the owner keeps this device\'s, and the other device follows the choice', async ({ world, devices, complaints }) => {
  complaints.excuse(/Failed to load resource/);
  const { first, second } = await parted(world, devices);
  // The other device has the turn: it is the one to let it go.
  await second.page.close({ runBeforeUnload: true });
  await expect(async () => {
    await first.page.getByTestId('choose-ours').click();
    await expect(first.page.getByTestId('not-parted')).toBeVisible({ timeout: 2_000 });
  }).toPass({ timeout: 20_000 });
  await expect(first.page.getByTestId('kept-branch')).toHaveCount(1);
  await first.closeToasts();
  await first.go('Trade');
  await copied(first);
  await first.trade('10');
  await first.closeToasts();
  await copied(first);
  const again = new Desk(await second.page.context().newPage());
  await again.open(new URL(first.page.url()).origin);
  await expect(again.toasts).toContainText('goes on with the other branch');
  await expect(again.cash).toHaveText(await first.cash.innerText());
});

test('a copy is the owner\'s choice, and without one nothing is asked of the server', async ({ world, devices }) => {
  const server = await world.kept(folder());
  const first = await devices.first(server);
  await first.go('Settings');
  await first.page.getByTestId('keep-copy').uncheck();
  await expect(first.page.getByTestId('copy')).toHaveCount(0);
  const asked: string[] = [];
  first.page.on('request', (request) => {
    if (request.url().includes('/accounts/')) asked.push(request.url());
  });
  await first.go('Trade');
  await first.trade('100');
  await first.go('Accounts');
  await expect(first.page.getByTestId('copy-words')).toHaveAttribute('data-state', 'off');
  // Handing back the turn is the last that is said.
  expect(asked.filter((url) => !url.includes('/lease?'))).toEqual([]);
  await first.go('Settings');
  await first.page.getByTestId('keep-copy').check();
  await copied(first);
});

test('what a bot thinks and warns of is told to its owner', async ({ world, devices }) => {
  const server = await world.kept(folder());
  const first = await devices.first(server);
  const token = (await ownLink(first)).split('=')[1]!;
  devices.secrets.add(token);
  const account = devices.secrets.asked.map((url) => /accounts\/([0-9a-f]{32})\//.exec(url)?.[1]).find(Boolean)!;
  const tell = async (type: string, data: unknown) => {
    const answer = await fetch(`${server.url}/api/v1/rooms/${account}/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type, data }),
    });
    expect(answer.status).toBe(201);
  };
  await first.page.goto(`${server.url}/thoughts`);
  await expect(first.page.getByTestId('no-thoughts')).toBeVisible();
  await expect(first.page.getByTestId('copy')).toHaveAttribute('data-state', 'kept');
  await expect(async () => {
    await tell('thought_log_created', { bot: 'dip-buyer', decision: 'hold', reasoning: 'The fee is twice its median.', confidence: '72' });
    await expect(first.page.getByTestId('thought').first()).toContainText('dip-buyer: hold, 72% sure', { timeout: 1_000 });
  }).toPass();
  await expect(first.page.getByTestId('thought').first()).toContainText('The fee is twice its median.');
  const at = new Date().toISOString();
  await tell('alert_message', {
    alert: { kind: 'drawdown', severity: 'warning', subject: 'dip-buyer', message: 'dip-buyer lost a tenth today.', since: at, as_of: at },
  });
  await expect(first.page.getByTestId('banner-alert')).toContainText('dip-buyer lost a tenth today.');
  devices.secrets.kept();
});
