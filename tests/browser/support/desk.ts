// The desk as a person uses it: words for what is on the page, and figures as it shows them.
import { expect, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';

/** WETH on Base, the token a new page is about. */
export const WETH = '8453:0x4200000000000000000000000000000000000006';

export class Desk {
  constructor(readonly page: Page) {}

  /** Opens the page and waits for the account that opens by itself. */
  async open(url: string): Promise<void> {
    await this.page.goto(url);
    await this.ready();
  }

  /** Waits for the account. */
  async ready(): Promise<void> {
    await expect(this.cash).toContainText('$');
  }

  /** Waits for a price of the token in hand. */
  async priced(): Promise<void> {
    await expect(this.page.getByTestId('token-head').getByTestId('price')).toContainText('$');
  }

  /** Waits until the app is on this device whole, to be opened without its server. */
  async kept(): Promise<void> {
    await expect(this.page.locator('html')).toHaveAttribute('data-kept', 'whole', { timeout: 30_000 });
  }

  /** Waits until the account is open, on whatever page. */
  async known(): Promise<void> {
    await expect(this.page.getByTestId('account').locator('option:checked')).not.toHaveText('');
  }

  get cash() {
    return this.page.getByTestId('cash');
  }

  get amount() {
    return this.page.getByTestId('amount');
  }

  get button() {
    return this.page.getByTestId('place');
  }

  get reason() {
    return this.page.getByTestId('reason');
  }

  get toasts() {
    return this.page.getByTestId('toasts');
  }

  get badges() {
    return this.page.getByTestId('badges');
  }

  /** A link in the header. */
  async go(name: 'Trade' | 'Portfolio' | 'History' | 'Accounts' | 'Settings'): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Pages' }).first().getByRole('link', { name, exact: true }).click();
  }

  /** Picks a token in the list of markets. */
  async pick(token: string): Promise<void> {
    await this.page.locator(`[data-testid=market][data-token="${token}"]`).click();
  }

  async side(side: 'buy' | 'sell' | 'swap'): Promise<void> {
    await this.page.getByTestId(`side-${side}`).click();
  }

  /** Fills in an amount, reviews, confirms, and waits for what the desk says. */
  async trade(amount: string): Promise<void> {
    const before = await this.toasts.getByTestId('toast').count();
    await this.amount.fill(amount);
    await expect(this.button).toHaveAttribute('aria-disabled', 'false');
    await this.amount.press('Enter');
    await expect(this.button).toContainText('Confirm');
    await this.page.keyboard.press('Enter');
    await expect(this.toasts.getByTestId('toast')).toHaveCount(before + 1);
  }

  /** No trade fails by chance from here on: stories are certain. */
  async withoutChance(): Promise<void> {
    await this.settings({ failure: '0' });
  }

  /** Changes settings and comes back to the desk. */
  async settings(values: Record<string, string>): Promise<void> {
    await this.go('Settings');
    for (const [name, value] of Object.entries(values)) await this.page.getByTestId(`settings-${name}`).fill(value);
    await this.page.getByTestId('save-settings').click();
    await expect(this.toasts).toContainText('Settings changed');
    await this.closeToasts();
    await this.go('Trade');
  }

  /** Adds paper dollars to the account in hand, and comes back to the desk. */
  async fund(dollars: string): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Pages' }).first().getByRole('link', { name: 'Accounts' }).click();
    await this.page.getByTestId('deposit').fill(dollars);
    await this.page.getByTestId('add-funds').click();
    await expect(this.toasts).toContainText('Funds added');
    await this.closeToasts();
    await this.go('Trade');
  }

  /** Lets time pass on the page, as often as it takes: an answer may be on its way when the clock jumps. */
  async until(stepMs: number, holds: () => Promise<void>): Promise<void> {
    await expect(async () => {
      await this.page.clock.fastForward(stepMs);
      await holds();
    }).toPass({ timeout: 20_000 });
  }

  async closeToasts(): Promise<void> {
    // All at once: they also go away by themselves.
    await this.page.evaluate(() => document.querySelectorAll<HTMLElement>('.toast-close').forEach((close) => close.click()));
    await expect(this.toasts.getByTestId('toast')).toHaveCount(0);
  }

  /** The journal as the page exports it, and the file it is in. */
  async exported(): Promise<{ text: string; path: string }> {
    await this.go('History');
    const download = this.page.waitForEvent('download');
    await this.page.getByTestId('export-journal').click();
    const path = await (await download).path();
    await expect(this.toasts).toContainText('Saved');
    await this.closeToasts();
    await this.go('Trade');
    return { text: readFileSync(path, 'utf8'), path };
  }

  /** Gives the page a file to import. */
  async import(text: string): Promise<void> {
    await this.go('Settings');
    const file = { name: 'journal.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(text) };
    await this.page.getByTestId('import-file').setInputFiles(file);
  }

  /** Cash, positions and history as they stand on the page. */
  async figures(): Promise<{ cash: string; positions: string; history: string }> {
    const text = async (tab: number, id: string) => {
      await this.page.getByTestId(`desk-tab-${tab}`).click();
      const found = this.page.getByTestId(id);
      return (await found.count()) ? found.innerText() : '';
    };
    // Live prices and times move by themselves: only what trading changes is compared.
    const quantities = async () => {
      await this.page.getByTestId('desk-tab-0').click();
      const cells = await this.page.getByTestId('position-quantity').all();
      return (await Promise.all(cells.map((cell) => cell.getAttribute('title')))).join(' ');
    };
    const positions = await quantities();
    const history = (await text(1, 'history')).replaceAll(/just now|\d+ \w+ ago/g, '');
    await this.page.getByTestId('desk-tab-0').click();
    return { cash: await this.cash.innerText(), positions, history };
  }
}

/** A decimal text as dollars to the cent, the way the page shows them: the story's own arithmetic. */
export function dollars(text: string): string {
  const [sign, body] = text.startsWith('-') ? ['\u2212', text.slice(1)] : ['', text];
  const [whole = '0', fraction = ''] = body.split('.');
  const digits = BigInt(whole + fraction.padEnd(3, '0').slice(0, 3));
  const cents = (digits + 5n) / 10n;
  const grouped = (cents / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ',');
  const shown = `$${grouped}.${(cents % 100n).toString().padStart(2, '0')}`;
  return cents === 0n && /[1-9]/.test(body) ? `${sign}<$0.01` : `${cents === 0n ? '' : sign}${shown}`;
}

/** Base units as whole tokens, with every digit and no needless zero. */
export function whole(units: string, decimals: number): string {
  const padded = units.padStart(decimals + 1, '0');
  const [head, tail] = [padded.slice(0, padded.length - decimals), padded.slice(padded.length - decimals)];
  const fraction = tail.replace(/0+$/, '');
  return fraction ? `${head}.${fraction}` : head;
}
