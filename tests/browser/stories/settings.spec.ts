// Settings: each says what it does, a wrong one says what would be right, and nothing typed is lost.
import { Desk } from '../support/desk.ts';
import { expect, test } from '../support/world.ts';

test('a wrong setting says what would be right, where it is wrong, and keeps everything that was typed', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.go('Settings');
  await page.getByTestId('method-hifo').click();
  await page.getByTestId('settings-tolerance').fill('0.75');
  for (const [field, wrong, right, told] of [
    ['failure', '101', '5', 'Write a percentage from 0 to 100, such as 0.5.'],
    ['latency', '700000', '1500', 'The time between quote and execution is at most 600000 milliseconds.'],
    ['volatility', '1001', '3.5', 'The daily volatility is at most'],
    ['smallest', 'a dollar', '1', 'is not a decimal number'],
    ['largest', '0.5', '5000', 'The largest trade must be above zero and at least the smallest.'],
  ] as const) {
    const input = page.getByTestId(`settings-${field}`);
    await input.fill(wrong);
    await page.getByTestId('save-settings').click();
    await expect(page.getByTestId('settings-error')).toHaveCount(1);
    await expect(page.getByTestId('settings-error')).toContainText(told);
    await expect(input).toHaveAttribute('aria-invalid', 'true');
    await expect(input).toBeFocused();
    await expect(input).toHaveValue(wrong);
    await expect(page.getByTestId('settings-tolerance')).toHaveValue('0.75');
    await expect(page.getByTestId('method-hifo')).toHaveAttribute('aria-pressed', 'true');
    await input.fill(right);
  }
  await page.getByTestId('settings-expert').check();
  await page.getByTestId('save-settings').click();
  await expect(desk.toasts).toContainText('Settings changed');
  await expect(page.getByTestId('settings-error')).toHaveCount(0);
  await desk.closeToasts();

  // They stand in the journal, and a new visit finds them.
  const line = (await desk.exported()).text.split('\n').find((line) => line.includes('"kind":"settings_changed"'))!;
  const { cost_method, tolerance, failure_rate, latency_ms, sigma_day, smallest_trade, largest_trade, expert } = JSON.parse(line).body;
  expect([cost_method, tolerance, failure_rate, latency_ms, sigma_day, smallest_trade, largest_trade, expert]).toEqual([
    'hifo', 7500, 50_000, 1500, 35_000_000, '1', '5000', true,
  ]);
  await page.reload();
  await desk.ready();
  await desk.go('Settings');
  await expect(page.getByTestId('settings-volatility')).toHaveValue('3.5');
  await expect(page.getByTestId('settings-expert')).toBeChecked();
  // Emptied, a choice goes back to what is known by itself.
  await page.getByTestId('settings-latency').fill('');
  await page.getByTestId('settings-volatility').fill('');
  await page.getByTestId('save-settings').click();
  await expect(desk.toasts).toContainText('Settings changed');
  await desk.closeToasts();
  await page.getByTestId('save-settings').click();
  await expect(desk.toasts).toContainText('These are the settings already.');
});

test('gain and loss take other colours, and what is wrong stays what it is', async ({ page, world }) => {
  const server = await world.demo();
  const desk = new Desk(page);
  await desk.open(server.url);
  await desk.go('Settings');
  const colour = (selector: string) => page.locator(selector).first().evaluate((element) => getComputedStyle(element).color);
  const [gain, loss] = [await colour('.field-hint .gain'), await colour('.field-hint .loss')];
  await page.getByTestId('colours-red').click();
  await expect.poll(() => colour('.field-hint .gain')).toBe(loss);
  expect(await colour('.field-hint .loss')).toBe(gain);
  await page.getByTestId('settings-failure').fill('x');
  await page.getByTestId('save-settings').click();
  expect(await colour('.field-error')).toBe(loss);
  await page.getByTestId('colours-blue').click();
  await expect.poll(() => colour('.field-hint .gain')).not.toBe(loss);
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-colours', 'blue');
});
