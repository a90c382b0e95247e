// Lighthouse on the app as the real server serves it: bench-lighthouse.mjs SERVER ROUNDS
// Prints a JSON line for each form and category: form, category, the rounds' scores and their median.
// What costs points, other than speed, is told on stderr.

import { execFile, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const [server, rounds] = [process.argv[2], Number(process.argv[3])];
const lighthouse = resolve(import.meta.dirname, '../lighthouse/node_modules/lighthouse/cli/index.js');
const FORMS = { mobile: [], desktop: ['--preset=desktop'] };
const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'];
const FLAGS = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking';

const child = spawn(server, ['serve', '--port', '0', '--metrics', 'off', '--market', 'demo'], {
  env: { PATH: process.env.PATH, NO_COLOR: '1' },
  stdio: ['ignore', 'pipe', 'pipe'],
});
try {
  const url = await new Promise((found, failed) => {
    let heard = '';
    const listen = (chunk) => {
      heard += chunk;
      const match = /Foolscap is on (http:\/\/[\d.]+:\d+)/.exec(heard);
      if (match) found(match[1]);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('exit', (code) => failed(new Error(`${server} ended with ${code}:\n${heard}`)));
  });
  const scores = {};
  const told = new Set();
  // Forms in turn, so that a disturbance hits both alike.
  for (let round = 0; round < rounds; round++) {
    for (const [form, preset] of Object.entries(FORMS)) {
      const report = await look(url, preset);
      for (const category of CATEGORIES) {
        const found = report.categories[category];
        (scores[`${form} ${category}`] ??= []).push(Math.round(found.score * 100));
        for (const { id, weight } of category === 'performance' ? [] : found.auditRefs) {
          const audit = report.audits[id];
          if (weight > 0 && audit.score !== null && audit.score < 1) told.add(`${form} ${category}: ${audit.title} (${audit.explanation ?? id})`);
        }
      }
    }
  }
  for (const line of told) console.error(line);
  for (const [name, all] of Object.entries(scores)) {
    const [form, category] = name.split(' ');
    const median = all.toSorted((one, other) => one - other)[Math.floor(all.length / 2)];
    console.log(JSON.stringify({ form, category, rounds: all, median }));
  }
} finally {
  child.kill('SIGTERM');
}

/** One report, by a browser of its own. */
async function look(url, preset) {
  const args = [lighthouse, url, '--output=json', '--quiet', `--chrome-flags=${FLAGS}`, `--only-categories=${CATEGORIES}`, ...preset];
  const env = { ...process.env, CHROME_PATH: process.env.CHROMIUM };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 64 << 20 });
  return JSON.parse(stdout);
}
