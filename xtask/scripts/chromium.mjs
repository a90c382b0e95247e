// A Chromium with a page on files of a folder, served as Foolscap's server would: what the
// measuring scripts share.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, normalize } from 'node:path';

// Playwright is installed with the browser tests, and these scripts are run from their folder.
const { chromium } = createRequire(join(process.cwd(), 'package.json'))('@playwright/test');

const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** Serves a folder: its address, and a function that ends it. */
export async function serve(folder) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    const body = await readFile(file).catch(() => null);
    response.writeHead(body ? 200 : 404, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(body);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const close = () => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}

/** Calls `work` with a browser, and ends it. */
export async function withBrowser(work) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
  });
  try {
    return await work(browser);
  } finally {
    await browser.close();
  }
}

/** Calls `work` with a page and the address of `folder`, and ends both. */
export async function withPage(folder, work) {
  const server = await serve(folder);
  try {
    return await withBrowser(async (browser) => {
      const page = await browser.newPage();
      page.on('pageerror', (error) => console.error(`in the page: ${error}`));
      return await work(page, server.url);
    });
  } finally {
    await server.close();
  }
}
