// Uses the desk and times it: bench-desk.mjs DIST JOURNAL-10K JOURNAL-100K
// Prints a JSON line for each figure: name, value. Milliseconds, or per cent where the name says "late".

import { withPage } from './chromium.mjs';

const [folder, scrolled, large] = process.argv.slice(2);
const TRADES = 200;
const OPENINGS = 7;

const say = (name, value) => console.log(JSON.stringify({ name, value }));
const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * share) - 1)];
const find = (page, id) => page.getByTestId(id);

/** Before the page's own script: what took the main thread, and how far apart frames were. */
function watch() {
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((task) => task.duration))).observe({ type: 'longtask' });
  window.frames = [];
  let before = performance.now();
  const frame = (now) => {
    window.frames.push(now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  // When equity is there, counted from the navigation: each frame that is drawn is looked at.
  const look = () => {
    if (document.querySelector('[data-testid="equity"]')?.textContent.includes('$')) window.opened = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** Does something and returns the longest task meanwhile; Chromium reports tasks from 50 ms on. */
async function longest(page, work) {
  await page.evaluate(() => {
    window.tasks.length = 0;
    window.frames.length = 0;
  });
  const start = Date.now();
  await work();
  const took = Date.now() - start;
  // Observers are told in a task of their own.
  await page.evaluate(() => new Promise((told) => requestAnimationFrame(() => setTimeout(told))));
  const { tasks, frames } = await page.evaluate(() => ({ tasks: window.tasks, frames: window.frames }));
  return { took, task: Math.max(0, ...tasks), frame: Math.max(0, ...frames) };
}

async function go(page, name) {
  await page.getByRole('navigation', { name: 'Pages' }).first().getByRole('link', { name, exact: true }).click();
}

async function closeToasts(page) {
  await page.evaluate(() => document.querySelectorAll('.toast-close').forEach((close) => close.click()));
}

async function bring(page, journal) {
  await go(page, 'Settings');
  await find(page, 'import-file').setInputFiles(journal);
  await find(page, 'toasts').getByText('The journal is good').waitFor({ timeout: 300_000 });
  await closeToasts(page);
}

/** Places trades by the page's own form and returns how long each took from the confirmation until it was told. */
async function trades(page, count) {
  return page.evaluate(async (count) => {
    const find = (id) => document.querySelector(`[data-testid="${id}"]`);
    const until = async (holds) => {
      while (!holds()) await new Promise((next) => requestAnimationFrame(next));
    };
    const toasts = () => document.querySelectorAll('[data-testid="toast"]');
    const took = [];
    for (let n = 0; n < count; n++) {
      document.querySelectorAll('.toast-close').forEach((close) => close.click());
      await until(() => toasts().length === 0 && find('amount').matches(':enabled'));
      const field = find('amount');
      field.value = '5';
      field.dispatchEvent(new Event('input', { bubbles: true }));
      const button = find('place');
      await until(() => button.getAttribute('aria-disabled') === 'false');
      button.click();
      await until(() => button.textContent.startsWith('Confirm'));
      // A toast says that the entry is on the disk; it is in the document in the same turn.
      const told = new Promise((told) => new MutationObserver((_, observer) => {
        if (toasts().length === 0) return;
        observer.disconnect();
        told(performance.now());
      }).observe(document.querySelector('[data-testid="toasts"]'), { childList: true }));
      const start = performance.now();
      button.click();
      took.push((await told) - start);
    }
    return took;
  }, count);
}

/** Opens the page anew, several times, and returns how long each took until equity was shown. */
async function openings(page, url) {
  const opened = [];
  for (let n = 0; n < OPENINGS; n++) {
    await page.goto(url);
    await page.waitForFunction(() => window.opened);
    opened.push(await page.evaluate(() => window.opened));
  }
  return opened;
}

/** Scrolls through the history from end to end like a wheel that is turned on and on. */
async function scroll(page) {
  await go(page, 'History');
  await find(page, 'entry').first().waitFor();
  return page.evaluate(async () => {
    const area = document.scrollingElement;
    const frames = [];
    let before = await new Promise(requestAnimationFrame);
    const step = Math.max(40, Math.floor((area.scrollHeight - innerHeight) / 900));
    for (let at = 0; at < area.scrollHeight - innerHeight; at += step) {
      area.scrollTop = at;
      const now = await new Promise(requestAnimationFrame);
      frames.push(now - before);
      before = now;
    }
    return { frames, rows: document.querySelectorAll('[data-testid="entry"]').length };
  });
}

await withPage(folder, async (page, url) => {
  await page.addInitScript(watch);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(url);
  await find(page, 'cash').getByText('$').waitFor();
  await find(page, 'token-head').getByTestId('price').getByText('$').waitFor();

  const took = await trades(page, TRADES);
  say('confirm_to_durable.p50', quantile(took, 0.5));
  say('confirm_to_durable.p99', quantile(took, 0.99));

  await bring(page, scrolled);
  const { frames } = await scroll(page);
  // A frame is late when it took more than one and a half of a 60th of a second: the next was missed.
  say('history_10k.frames', quantile(frames, 0.5));
  say('history_10k.frames_late', (100 * frames.filter((frame) => frame > 25).length) / frames.length);
  say('history_10k.worst_frame', Math.max(...frames));

  // Nothing of the other accounts counts for the large one.
  const context = await page.context().browser().newContext({ viewport: { width: 1440, height: 900 } });
  const desk = await context.newPage();
  desk.on('pageerror', (error) => console.error(`in the page: ${error}`));
  await desk.addInitScript(watch);
  await desk.goto(url);
  await find(desk, 'cash').getByText('$').waitFor();
  // What the page takes with an account of one entry: the rest of the large one's time is its length.
  say('small.open', quantile(await openings(desk, url), 0.5));
  const tell = (name, { took, task, frame }) => {
    say(`large.${name}`, took);
    say(`large.${name}.longest_task`, task);
    say(`large.${name}.longest_frame`, frame);
  };
  // The snapshot is written when the desk is quiet; it belongs to the import. (`waitForFunction` takes the
  // promise of an answer for a yes.)
  const isKept = async () => {
    const database = await new Promise((opened) => (indexedDB.open('foolscap').onsuccess = (event) => opened(event.target.result)));
    const all = await new Promise((found) => (database.transaction('cache').objectStore('cache').getAll().onsuccess = (event) => found(event.target.result)));
    database.close();
    return all.some((kept) => kept.byteLength > 0);
  };
  const snapshot = async () => {
    for (let tries = 0; !(await desk.evaluate(isKept)); tries++) {
      if (tries > 600) throw new Error('no snapshot is kept of the large account');
      await desk.waitForTimeout(100);
    }
  };
  tell('import', await longest(desk, async () => {
    await bring(desk, large);
    await snapshot();
  }));
  const opened = await openings(desk, url);
  say('large.open', quantile(opened, 0.5));
  say('large.open.worst', Math.max(...opened));

  await go(desk, 'History');
  tell('export', await longest(desk, async () => {
    const download = desk.waitForEvent('download', { timeout: 120_000 });
    await find(desk, 'export-journal').click();
    await (await download).path();
    await find(desk, 'toasts').getByText('Saved').waitFor();
  }));
  await closeToasts(desk);
  await go(desk, 'Settings');
  for (const method of ['fifo', 'hifo']) {
    await find(desk, `method-${method}`).click();
    tell(method === 'hifo' ? 'cost_method' : 'cost_method_fifo', await longest(desk, async () => {
      await find(desk, 'save-settings').click();
      await find(desk, 'toasts').getByText('Settings changed').waitFor({ timeout: 120_000 });
    }));
    await closeToasts(desk);
  }
  await go(desk, 'Trade');
  const late = await trades(desk, 50);
  say('large.confirm_to_durable.p50', quantile(late, 0.5));
  say('large.confirm_to_durable.p99', quantile(late, 0.99));
  await context.close();
});
