// What a first visit loads from a folder: bench-size.mjs FOLDER
// Prints a JSON line for each file Chromium asked for, and one for all: file, raw, gzip, brotli.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { withPage } from './chromium.mjs';

const folder = process.argv[2];
const files = await withPage(folder, async (page, url) => {
  const loaded = new Set();
  page.on('response', (response) => {
    const { origin, pathname } = new URL(response.url());
    if (response.ok() && origin === url) loaded.add(pathname === '/' ? 'index.html' : pathname.slice(1));
  });
  await page.goto(`${url}/`, { waitUntil: 'networkidle' });
  return [...loaded];
});

const total = { file: 'first load', raw: 0, gzip: 0, brotli: 0 };
for (const file of files) {
  const content = await readFile(join(folder, file));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  const figure = {
    file,
    raw: content.length,
    gzip: gzipSync(content, { level: 9 }).length,
    brotli: brotliCompressSync(content, { params }).length,
  };
  for (const key of ['raw', 'gzip', 'brotli']) total[key] += figure[key];
  console.log(JSON.stringify(figure));
}
console.log(JSON.stringify(total));
