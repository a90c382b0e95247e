// What a first visit loads from a folder: bench-size.mjs FOLDER
// Prints a JSON line for each file Chromium asked for: file, raw, gzip, brotli, and when: `first` for what comes
// before a trade is possible, `later` for what comes when it is. And one that says how the later half came.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { withPage } from './chromium.mjs';

const folder = process.argv[2];
const [files, half] = await withPage(folder, async (page, url) => {
  const loaded = new Set();
  page.on('response', (response) => {
    const { origin, pathname } = new URL(response.url());
    if (response.ok() && origin === url) loaded.add(pathname === '/' ? 'index.html' : pathname.slice(1));
  });
  await page.goto(`${url}/`, { waitUntil: 'networkidle' });
  return [[...loaded], await page.evaluate(() => document.documentElement.dataset.later ?? 'never')];
});

// The chart and the app's later half are asked for by an app that is in use.
const isLater = (file) => /_later\.wasm$|^(lightweight-charts|chart)-\w+\.js$/.test(file);
for (const file of files) {
  const content = await readFile(join(folder, file));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  const figure = {
    file,
    when: isLater(file) ? 'later' : 'first',
    raw: content.length,
    gzip: gzipSync(content, { level: 9 }).length,
    brotli: brotliCompressSync(content, { params }).length,
  };
  console.log(JSON.stringify(figure));
}
console.log(JSON.stringify({ half }));
