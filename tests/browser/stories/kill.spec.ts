// The browser is killed around a confirmation, at random moments: what was shown as done is there afterwards, and
// the rest is wholly there or wholly absent. FOOLSCAP_KILLS says how often, FOOLSCAP_SEED which moments.
import { chromium, type Browser, type Page } from '@playwright/test';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Desk } from '../support/desk.ts';
import { expect, foolscap, test } from '../support/world.ts';

const KILLS = Number(process.env.FOOLSCAP_KILLS ?? 6);
const SEED = Number(process.env.FOOLSCAP_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** A browser in processes of its own, all of one group, so that all of it can be killed at once. */
class Victim {
  private constructor(
    private readonly process: ChildProcess,
    private readonly browser: Browser,
    readonly page: Page,
  ) {}

  static async start(profile: string): Promise<Victim> {
    const { launchOptions } = test.info().project.use;
    const port = join(profile, 'DevToolsActivePort');
    rmSync(port, { force: true });
    const args = ['--headless', '--window-size=1440,900', ...(launchOptions?.args ?? []), '--remote-debugging-port=0', `--user-data-dir=${profile}`];
    const process = spawn(launchOptions!.executablePath!, [...args, 'about:blank'], { detached: true, stdio: 'ignore' });
    // The port file is the browser's word that it listens.
    await expect.poll(() => existsSync(port) && readFileSync(port, 'utf8').includes('\n'), { intervals: [20] }).toBe(true);
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${readFileSync(port, 'utf8').split('\n')[0]}`);
    const context = browser.contexts()[0]!;
    return new Victim(process, browser, context.pages()[0] ?? (await context.newPage()));
  }

  /** Ends every process of it at this instant. */
  async kill(): Promise<void> {
    const ended = once(this.process, 'exit');
    process.kill(-this.process.pid!, 'SIGKILL');
    await ended;
    await this.browser.close().catch(() => undefined);
  }
}

/** Numbers from a seed, so that a run can be had again. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state / 2 ** 32;
  };
}

/** The lines of every journal in the store, read by the browser and not by the app. */
async function stored(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((opened, failed) => {
      const request = indexedDB.open('foolscap');
      request.onsuccess = () => opened(request.result);
      request.onerror = () => failed(request.error);
    });
    const lines = await new Promise<string[]>((found) => {
      const request = database.transaction('entries').objectStore('entries').getAll();
      request.onsuccess = () => found(request.result);
    });
    database.close();
    return lines;
  });
}

test(`a browser killed ${KILLS} times around a confirmation keeps what it showed, and no half of anything`, async ({ world }) => {
  test.setTimeout(60_000 + KILLS * 40_000);
  const server = await world.demo();
  const profile = test.info().outputPath('profile');
  const file = test.info().outputPath('journal.jsonl');
  const roll = dice(SEED);
  /** What the page has shown as done, noted outside the browser: each amount stands for one trade. */
  const shown = new Set<string>();
  /** What was confirmed, shown or not. */
  const confirmed = new Set<string>();
  let survived = 0;
  /** How long the last trade took from the confirmation until it was shown: kills fall around that. */
  let lasting = 100;

  let victim = await Victim.start(profile);
  try {
    for (let kill = 0; kill <= KILLS; kill++) {
      const about = `FOOLSCAP_SEED=${SEED}, after ${kill} kills`;
      const { page } = victim;
      await page.exposeFunction('noteShown', (text: string) => {
        const amount = /\$([\d.,]+)/.exec(text)?.[1];
        if (amount) shown.add(amount);
      });
      await page.addInitScript(() => {
        const seen = new WeakSet<Element>();
        new MutationObserver(() => {
          for (const toast of document.querySelectorAll('[data-testid="toast"]')) {
            const text = toast.textContent ?? '';
            if (!seen.has(toast) && /^(Bought|The buy)/.test(text)) {
              seen.add(toast);
              // From here on the trade has been shown; the note may come too late, never too early.
              void (window as any).noteShown(/ for \$[\d.,]+/.exec(text)?.[0] ?? '');
            }
          }
        }).observe(document, { childList: true, subtree: true });
      });
      const desk = new Desk(page);
      const lease = page
        .waitForResponse((answer) => answer.url().endsWith('/lease') && answer.request().method() === 'PUT')
        .then((answer) => answer.status(), () => undefined);
      await desk.open(server.url);
      await expect(page.getByTestId('banner-damaged'), about).toHaveCount(0);
      await desk.priced();
      if (kill === 0) await desk.withoutChance();

      // What the store holds is a whole journal, with everything that was shown and nothing that was not confirmed.
      const lines = await stored(page);
      writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
      const replay = foolscap('replay', file);
      expect(replay.truncated ?? null, about).toBeNull();
      const kept = lines.flatMap((line) => /"size":"\$([\d.]+)"/.exec(line)?.[1] ?? []);
      expect(new Set(kept).size, about).toBe(kept.length);
      expect(kept, about).toEqual(expect.arrayContaining([...shown]));
      expect([...confirmed], about).toEqual(expect.arrayContaining(kept));
      // And the page shows just that.
      const { filled, failed } = replay.account.totals;
      expect(filled + failed, about).toBe(kept.length);
      await expect(page.getByTestId('desk-tab-1'), about).toHaveText(`History (${kept.length})`);
      survived = kept.length;
      if (kill === KILLS) break;

      // The server knows it for the device it was, and it is still its turn; at times it trades before it hears that.
      if (kill < 2 || roll() < 0.5) expect(await lease, about).toBe(200);

      // Some trades at leisure, and then one too many.
      for (let n = Math.floor(roll() * 3); n >= 0; n--) {
        // Small enough that hundreds of them are paid from the first deposit.
        const amount = `${1 + confirmed.size}.37`;
        await desk.amount.fill(amount);
        await expect(desk.button).toHaveAttribute('aria-disabled', 'false');
        await desk.amount.press('Enter');
        await expect(desk.button).toContainText('Confirm');
        confirmed.add(amount);
        const start = performance.now();
        const pressed = page.keyboard.press('Enter').catch(() => undefined);
        if (n > 0) {
          await expect.poll(() => shown.has(amount), { intervals: [2] }).toBe(true);
          lasting = performance.now() - start;
        } else {
          // The one thing here that is not awaited is the thing under test: how far the trade has come.
          await sleep(roll() * 1.5 * lasting);
          await victim.kill();
        }
        await pressed;
      }
      victim = await Victim.start(profile);
    }
  } finally {
    await victim.kill().catch(() => undefined);
  }
  console.log(`${KILLS} kills (FOOLSCAP_SEED=${SEED}): ${confirmed.size} confirmed, ${shown.size} shown as done, ${survived} kept`);
});
