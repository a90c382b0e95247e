// Two tabs on one account: each shows what the other does, and a race between them loses and doubles nothing.
import { Desk } from '../support/desk.ts';
import { expect, foolscap, test } from '../support/world.ts';

/** How many trades the two tabs race for. */
const TRADES = 200;

test('a tab shows by itself what another tab does to the account', async ({ context, page, world }) => {
  const server = await world.demo();
  const first = new Desk(page);
  await first.open(server.url);
  await first.priced();
  await first.withoutChance();
  const second = new Desk(await context.newPage());
  await second.open(server.url);
  await second.priced();
  await second.page.getByTestId('desk-tab-1').click();

  await first.trade('1000');
  await expect(second.cash).toHaveText(await first.cash.innerText());
  await expect(second.page.getByTestId('entry')).toHaveCount(1);
  await expect(second.page.getByTestId('outcome')).toContainText('Filled');

  // An account that is opened here is listed there.
  const listed = second.page.getByTestId('account').locator('optgroup[label="Open another"] ~ option, option');
  const before = await listed.count();
  await first.page.getByTestId('account').selectOption('new-demo');
  await expect(first.toasts).toContainText('A new account is open');
  await expect(listed).toHaveCount(before + 1);
});

test('two tabs race two hundred trades on one account: none is lost, none is doubled', async ({ context, page, world }) => {
  test.setTimeout(240_000);
  const server = await world.demo();
  const first = new Desk(page);
  await first.open(server.url);
  await first.priced();
  await first.withoutChance();
  const second = new Desk(await context.newPage());
  await second.open(server.url);
  await second.priced();

  // Each trade has an amount of its own, by which it is found again. Both tabs go on until their half is filled,
  // as two impatient people would: a trade that the desk did not take is placed again.
  const placed = await Promise.all([first, second].map((desk, tab) => race(desk, tab)));
  expect(placed.flat()).toHaveLength(TRADES);
  await expect(second.cash).toHaveText(await first.cash.innerText());

  const { text, path } = await first.exported();
  const sizes = text.split('\n').flatMap((line) => /"size":"\$([\d.]+)"/.exec(line)?.[1] ?? []);
  expect(sizes).toHaveLength(TRADES);
  expect(new Set(sizes)).toEqual(new Set(placed.flat()));
  // The chain holds from the first line to the seal.
  const replay = foolscap('replay', path);
  expect(replay.sealed).toBe(true);
  const { filled, failed } = replay.account.totals;
  expect(filled + failed).toBe(TRADES);
});

/** Places a tab's half of the trades by its own form, as fast as the page lets it, and says which were filled. */
async function race(desk: Desk, tab: number): Promise<string[]> {
  // None ends in a zero: the journal would leave it out.
  const amounts = Array.from({ length: TRADES / 2 }, (_, n) => `${tab + 1}.${String(n + 1).padStart(3, '0')}7`);
  return desk.page.evaluate(async (amounts) => {
    const find = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`)!;
    const until = async (holds: () => boolean) => {
      while (!holds()) await new Promise((next) => setTimeout(next, 0));
    };
    const done: string[] = [];
    for (const amount of amounts) {
      for (let placed = false; !placed; ) {
        const field = find('amount') as HTMLInputElement;
        await until(() => !field.disabled && field.matches(':enabled'));
        field.value = amount;
        field.dispatchEvent(new Event('input', { bubbles: true }));
        const button = find('place') as HTMLButtonElement;
        await until(() => button.getAttribute('aria-disabled') === 'false' && (button.textContent ?? '').startsWith('Buy'));
        const toasts = () => [...document.querySelectorAll('[data-testid="toast"]')];
        toasts().forEach((toast) => toast.querySelector<HTMLElement>('.toast-close')?.click());
        await until(() => toasts().length === 0);
        button.click();
        await until(() => (button.textContent ?? '').startsWith('Confirm'));
        button.click();
        const refused = () => (find('reason')?.textContent ?? '').includes('another tab');
        await until(() => toasts().length > 0 || refused());
        // A trade that failed by slippage stands in the journal like one that was filled.
        placed = toasts().some((toast) => /Bought|failed/.test(toast.textContent ?? ''));
      }
      done.push(amount);
    }
    return done;
  }, amounts);
}
