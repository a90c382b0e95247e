// Runs the loops of `benches` in Chromium: bench-core.mjs FOLDER TRADES
// Prints a JSON line for each: case, trades, seconds of the best round.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withPage } from './chromium.mjs';

const ROUNDS = 9;
const [folder, trades] = [process.argv[2], Number(process.argv[3])];

await writeFile(join(folder, 'index.html'), '<!doctype html><title>benches</title>');
const figures = await withPage(folder, async (page, url) => {
  await page.goto(`${url}/`);
  return page.evaluate(
    async ([trades, rounds]) => {
      const wasm = await import('/benches.js');
      await wasm.default();
      const cases = [];
      for (let name; (name = wasm.case_name(cases.length)); ) cases.push({ case: name, trades, seconds: Infinity });
      // Rounds in turn, so that a disturbance hits all alike; the best round is what the code can do.
      for (let round = 0; round < rounds; round++) {
        for (const [index, figure] of cases.entries()) {
          const start = performance.now();
          wasm.run_case(index, trades);
          figure.seconds = Math.min(figure.seconds, (performance.now() - start) / 1000);
        }
      }
      return cases;
    },
    [trades, ROUNDS],
  );
});
for (const figure of figures) console.log(JSON.stringify(figure));
