// How soon the page can be used, and what a tick costs: bench-page.mjs OURS EMPTY
// OURS and EMPTY are folders of the same page, one with Foolscap and one with an app that does nothing.
// Prints JSON lines: {"case", "page", "ms"} for each way to load, {"tick"…} for the ticks.

import { serve, withBrowser } from './chromium.mjs';

const [ours, empty] = process.argv.slice(2);
const ROUNDS = 9;
const TICKS = 12;

/** In the page: notes when the field for an amount is there, and, in Foolscap, an account to trade on. */
function watch() {
  const look = () => {
    const cash = document.querySelector('[data-testid=cash]');
    if (!document.querySelector('[data-testid=amount]') || (cash && !cash.textContent.includes('$'))) return;
    window.usable = performance.now();
    observer.disconnect();
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true, characterData: true });
}

/** Milliseconds from the start of a navigation until the page can be used. */
async function usable(page, load) {
  await load();
  return (await page.waitForFunction(() => window.usable)).jsonValue();
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
    for (const [page, values] of Object.entries(pages)) if (values.length) print({ case: way, page, ms: median(values) });
  }
  for (const figure of await ticks(browser)) print(figure);
});

/** What ticks of the demo market cost, on a desk that holds every token there is. */
async function ticks(browser) {
  const server = await serve(ours);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${server.url}/`);
  await page.getByTestId('cash').getByText('$').waitFor();
  await buyEverything(page);

  // Cells are counted in the page: every element whose text or class a tick changed.
  await page.evaluate(() => {
    window.changed = new Set();
    new MutationObserver((records) => {
      for (const { target } of records) window.changed.add(target.nodeType === Node.TEXT_NODE ? target.parentElement : target);
    }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
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
    // The market moves every five seconds; the tint of what moved is taken off half a second later.
    await page.waitForFunction(() => window.changed.size > 100, null, { polling: 50, timeout: 20_000 });
    const cells = await page.evaluate(() => window.changed.size);
    const done = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await done;
    figures.push({ case: 'tick', cells, ms: longestScript(events) });
  }
  await context.close();
  await server.close();
  return figures;
}

/** Buys a little of every token on the list of markets. */
async function buyEverything(page) {
  const tokens = await page.getByTestId('market').evaluateAll((rows) => rows.map((row) => row.dataset.token));
  for (const token of tokens) {
    await page.locator(`[data-testid=market][data-token="${token}"]`).click();
    await page.getByTestId('amount').fill('100');
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
