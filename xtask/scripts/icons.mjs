// Draws the icons that have to be pixels from the sheet in frontend/icons/favicon.svg: icons.mjs FOLDER
// Run it from tests/browser when the sheet changes, and commit what it draws:
//   node ../../xtask/scripts/icons.mjs ../../frontend/icons

import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { withPage } from './chromium.mjs';

const folder = resolve(process.argv[2]);
const sheet = await readFile(join(folder, 'favicon.svg'), 'utf8');
const PAPER = '#fbfaf6';

// A maskable icon may be cut to a circle of four fifths of its width; Apple cuts the corners only.
const ICONS = [
  { name: 'icon-192', size: 192, share: 0.92 },
  { name: 'icon-512', size: 512, share: 0.92 },
  { name: 'maskable-192', size: 192, share: 0.56, ground: PAPER },
  { name: 'maskable-512', size: 512, share: 0.56, ground: PAPER },
  { name: 'apple-touch-icon', size: 180, share: 0.7, ground: PAPER },
];

await withPage(tmpdir(), async (page) => {
  for (const { name, size, share, ground } of ICONS) {
    await page.setViewportSize({ width: size, height: size });
    await page.setContent(`<body style="margin:0;display:grid;place-items:center;height:100vh;background:${ground ?? 'transparent'}">
      <div style="width:${size * share}px;height:${size * share}px">${sheet}</div></body>`);
    await writeFile(join(folder, `${name}.png`), await page.screenshot({ omitBackground: !ground }));
  }
});
