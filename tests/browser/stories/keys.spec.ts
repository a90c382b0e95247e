// Single keys, and the desk without a mouse.
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

test('keys choose sides, search, open pages and list themselves, and none fires while typing', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  await expect(desk.amount).toBeFocused();
  // In a field a letter is a letter.
  await page.keyboard.type('s1');
  await expect(desk.amount).toHaveValue('s1');
  await expect(page.getByTestId('side-buy')).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('Escape');
  await expect(desk.amount).not.toBeFocused();

  await page.keyboard.press('s');
  await expect(page.getByTestId('side-sell')).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('w');
  await expect(page.getByTestId('side-swap')).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('x');
  await expect(page.getByTestId('ticket-token').locator('option:checked')).toHaveText('USDC');
  await page.keyboard.press('b');
  await expect(page.getByTestId('side-buy')).toHaveAttribute('aria-pressed', 'true');
  // Together with another key it is the browser's.
  await page.keyboard.press('Alt+s');
  await expect(page.getByTestId('side-buy')).toHaveAttribute('aria-pressed', 'true');

  await page.keyboard.press('/');
  await expect(page.getByTestId('search')).toBeFocused();
  await expect(page.getByTestId('search')).toHaveValue('');
  await page.keyboard.type('link');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByTestId('market').first()).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('token-symbol')).toHaveText('LINK');

  await page.keyboard.press('?');
  const list = page.getByTestId('key-list');
  await expect(list).toContainText('Search the markets');
  // Under a sheet the desk hears nothing.
  await page.keyboard.press('s');
  await expect(page.getByTestId('side-buy')).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('Escape');
  await expect(list).toHaveCount(0);

  await page.keyboard.press('p');
  await expect(page).toHaveURL(/\/portfolio$/);
  await page.keyboard.press('h');
  await expect(page).toHaveURL(/\/history$/);
  await page.keyboard.press(',');
  await expect(page).toHaveURL(/\/settings$/);
  await page.getByTestId('single-keys').uncheck();
  await page.getByTestId('single-keys').blur();
  await page.keyboard.press('t');
  await page.keyboard.press('?');
  await expect(list).toHaveCount(0);
  await expect(page).toHaveURL(/\/settings$/);
  await page.reload();
  await expect(page.getByTestId('single-keys')).not.toBeChecked();
  await page.getByTestId('single-keys').check();
  await page.getByTestId('single-keys').blur();
  await page.keyboard.press('t');
  await expect(page.getByTestId('ticket')).toBeVisible();
});

test('from the first visit to a sale and its receipt, by keyboard only', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.priced();
  const { keyboard } = page;
  const press = async (...keys: string[]) => {
    for (const key of keys) await keyboard.press(key);
  };
  // Settings: no trade fails by chance from here on.
  await press('Escape', ',');
  const failure = page.getByTestId('settings-failure');
  await expect(failure).toBeVisible();
  for (let tabs = 0; tabs < 60 && !(await failure.evaluate((field) => field === document.activeElement)); tabs += 1) await press('Tab');
  await expect(failure).toBeFocused();
  await press('Control+a');
  await keyboard.type('0');
  await press('Enter');
  await expect(desk.toasts).toContainText('Settings changed');
  await press('Escape');
  await page.getByTestId('settings-failure').evaluate((field: HTMLElement) => field.blur());
  await press('t');
  await expect(desk.amount).toBeVisible();
  await press('a');
  await expect(desk.amount).toBeFocused();
  await keyboard.type('250');
  await press('Enter');
  await expect(desk.button).toHaveText(/^Confirm: Buy/);
  await press('Escape');
  await expect(desk.amount).toBeFocused();
  await press('Enter');
  await expect(desk.button).toBeFocused();
  await press('Enter');
  await expect(desk.toasts).toContainText('Bought');
  await expect(desk.amount).toBeFocused();

  await press('Escape', 's', 'a');
  await expect(page.getByTestId('side-sell')).toHaveAttribute('aria-pressed', 'true');
  // From the amount to "Max" by Tab, as far as it is.
  const max = page.getByTestId('take-100');
  for (let tabs = 0; tabs < 12 && !(await max.evaluate((button) => button === document.activeElement)); tabs += 1) await press('Tab');
  await press('Enter');
  await expect(desk.button).toHaveText(/^Sell/);
  await press('a');
  await expect(desk.amount).toBeFocused();
  await press('Enter');
  await expect(desk.button).toHaveText(/^Confirm: Sell/);
  await press('Enter');
  await expect(desk.toasts).toContainText('Sold');
  await expect(page.getByTestId('position')).toHaveCount(0);

  await press('Escape', 'h');
  const entry = page.getByTestId('entry').first().getByRole('button').first();
  await expect(entry).toBeVisible();
  for (let tabs = 0; tabs < 60 && !(await entry.evaluate((button) => button === document.activeElement)); tabs += 1) await press('Tab');
  await press('Enter');
  await expect(page.getByTestId('receipt')).toContainText('Sold');
  await press('Escape');
  await expect(page.getByTestId('receipt')).toHaveCount(0);
  await expect(entry).toBeFocused();
});
