// How soon the page can be used, and what a tick costs: bench-page.mjs OURS EMPTY FOOLSCAP COINGECKO
// OURS and EMPTY are folders of the same page, one with Foolscap and one with an app that does nothing;
// FOOLSCAP is the server with OURS inside, COINGECKO the stand-in for its price source.
// Prints JSON lines: {"case", "page", "ms"} for each way to load, {"tick"…} for the ticks.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { serve, withBrowser } from './chromium.mjs';
import { start } from './program.mjs';

const [ours, empty, foolscap, coingecko] = process.argv.slice(2);
const ROUNDS = 9;
const TICKS = 12;
/** Tokens held while the market ticks: each shows a price and a change on the list, and more as a position. */
const HELD = 36;

/**
 * In the page: notes when the field for an amount is there, and, in Foolscap, an account to trade on. And the
 * floor: when the app's program is only just ready to run, and the store has answered.
 */
function watch() {
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = async (...what) => {
    const made = await instantiate(...what);
    window.program = performance.now();
    return made;
  };
  const transaction = IDBDatabase.prototype.transaction;
  IDBDatabase.prototype.transaction = function (...what) {
    const begun = transaction.apply(this, what);
    begun.addEventListener('complete', () => (window.store ??= performance.now()));
    return begun;
  };
  const look = () => {
    const cash = document.querySelector('[data-testid=cash]');
    if (!document.querySelector('[data-testid=amount]') || (cash && !cash.textContent.includes('$'))) return;
    window.usable = performance.now();
    observer.disconnect();
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true, characterData: true });
}

/** Milliseconds from the start of a navigation until the page can be used, and the floor of that. */
async function usable(page, load) {
  await load();
  await page.waitForFunction(() => window.usable);
  return page.evaluate(() => ({ ms: window.usable, floor: Math.max(window.program ?? NaN, window.store ?? 0) }));
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const print = (figure) => console.log(JSON.stringify(figure));

await withBrowser(async (browser) => {
  const times = { cold: { ours: [], empty: [] }, offline: { ours: [], empty: [] } };
  // In turn, so that a disturbance hits both alike; the first round warms the browser up and is not told.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, folder] of Object.entries({ ours, empty })) {
      const server = await serve(folder);
      const context = await browser.newContext();
      const page = await context.newPage();
      page.on('pageerror', (error) => console.error(`in the page: ${error}`));
      await page.addInitScript(watch);
      const cold = await usable(page, () => page.goto(`${server.url}/`));
      if (round) times.cold[name].push(cold);
      const hasWorker = await page.evaluate(async () => {
        const found = await navigator.serviceWorker?.getRegistration();
        if (found) await navigator.serviceWorker.ready;
        return Boolean(found);
      });
      if (hasWorker) {
        // Once with the worker in charge, then without a server.
        await usable(page, () => page.reload());
        await server.close();
        const offline = await usable(page, () => page.reload());
        if (round) times.offline[name].push(offline);
      }
      await context.close();
      if (!hasWorker) await server.close();
    }
  }
  for (const [way, pages] of Object.entries(times)) {
    for (const [page, values] of Object.entries(pages)) {
      const middle = (key) => median(values.map((value) => value[key]));
      if (values.length) print({ case: way, page, ms: middle('ms'), floor: middle('floor') });
    }
  }
  for (const figure of await ticks(browser)) print(figure);
});

/** What ticks of the market cost, on a desk that holds HELD tokens: the real server, and a stand-in for its price source. */
async function ticks(browser) {
  const data = await mkdtemp(join(tmpdir(), 'foolscap-bench-'));
  const source = await start(coingecko, ['--port', '0', '--still', '--unlimited'], {}, /stand-in \(made-up prices\) on (\S+)/);
  const server = await start(foolscap, ['serve', '--port', '0', '--metrics', 'off'], {
    COIN_GECKO_BASE_URL: source.url,
    COIN_GECKO_API_KEY: 'CG-stand-in',
    COIN_GECKO_CALLS_PER_MINUTE: '1000',
    COIN_GECKO_GRANT: '1000000/1',
    // A tick comes as often as prices may be asked for.
    PRICE_CACHE_TTL_SECONDS: '2',
    FOOLSCAP_DATA: data,
  }, /Foolscap is on (http:\/\/[\d.]+:\d+)/);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(`in the page: ${error}`));
  await page.goto(`${server.url}/`);
  await page.getByTestId('cash').getByText('$').waitFor();
  await page.getByTestId('token-head').getByTestId('price').getByText('$').waitFor();
  await buyMany(page);
  const held = await page.getByTestId('position').evaluateAll((rows) => rows.map((row) => row.dataset.token));
  const { prices: coins } = await (await fetch(`${server.url}/api/v1/prices?tokens=${held}`)).json();

  // Cells are counted in the page: every element whose text a tick changed.
  await page.evaluate(() => {
    window.changed = new Set();
    new MutationObserver((records) => {
      for (const { target } of records) if (target.nodeType === Node.TEXT_NODE) window.changed.add(target.parentElement);
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  const session = await context.newCDPSession(page);
  const figures = [];
  for (let tick = 0; tick < TICKS; tick++) {
    const events = [];
    session.removeAllListeners('Tracing.dataCollected');
    session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
    await page.evaluate(() => window.changed.clear());
    await session.send('Tracing.start', {
      transferMode: 'ReportEvents',
      traceConfig: { includedCategories: ['devtools.timeline', 'toplevel', 'v8.execute'] },
    });
    // At the source every price moves by a percent; the server finds out when it asks next.
    await Promise.all(coins.map(({ coin_id, price }) => pull(source, 'price', { id: coin_id, price: (price * (1.01 + tick / 100)).toFixed(12) })));
    // A tick is taken at one go; looking comes between tasks, never in the middle of one.
    await page.waitForFunction(() => window.changed.size > 100, null, { polling: 50, timeout: 40_000 });
    const cells = await page.evaluate(() => window.changed.size);
    const done = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await done;
    figures.push({ case: 'tick', cells, ms: longestScript(events) });
  }
  await context.close();
  await server.stop();
  await source.stop();
  await rm(data, { recursive: true });
  return figures;
}

/** Pulls a lever of the stand-in. */
async function pull(source, lever, body) {
  const answer = await fetch(`${new URL(source.url).origin}/__control/${lever}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${lever}: ${answer.status} ${await answer.text()}`);
}

/** Buys a little of many tokens of the list of markets. */
async function buyMany(page) {
  await page.getByTestId('more-markets').click();
  const tokens = await page.getByTestId('market').evaluateAll((rows) => rows.map((row) => row.dataset.token));
  const price = page.getByTestId('token-head').getByTestId('price');
  for (const token of tokens) {
    if ((await page.getByTestId('position').count()) >= HELD) break;
    await page.locator(`[data-testid=market][data-token="${token}"]`).click();
    await price.getByText('$').waitFor();
    // A pinned dollar does not tick.
    if ((await price.textContent()) === '$1.00') continue;
    await page.getByTestId('amount').fill('150');
    const place = page.locator('[data-testid=place][aria-disabled=false]');
    if (!(await place.waitFor({ timeout: 2_000 }).then(() => true, () => false))) continue;
    await page.getByTestId('amount').press('Enter');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('[data-testid=amount]')?.value === '');
  }
}

/** The script of the task that ran longest, in milliseconds: calls into the page and the promises after them. */
function longestScript(events) {
  const scripts = events.filter(
    ({ name, ph }) => ph === 'X' && ['FunctionCall', 'RunMicrotasks', 'TimerFire', 'FireAnimationFrame'].includes(name),
  );
  const tasks = events.filter(({ name, ph }) => ph === 'X' && name === 'ThreadControllerImpl::RunTask');
  let longest = 0;
  for (const task of tasks) {
    const end = task.ts + task.dur;
    const inside = scripts
      .filter((script) => script.pid === task.pid && script.tid === task.tid && script.ts >= task.ts && script.ts < end)
      .sort((a, b) => a.ts - b.ts);
    let [script, until] = [0, 0];
    for (const { ts, dur } of inside) {
      script += Math.max(0, ts + dur - Math.max(ts, until));
      until = Math.max(until, ts + dur);
    }
    longest = Math.max(longest, script);
  }
  return longest / 1000;
}
