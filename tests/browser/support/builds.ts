// Other builds of the app, made from the one in dist/: another content's names, or another place.
//
// A second build by Trunk would take minutes and differ in nothing that matters here. Every file whose name
// carries a hash gets another name, everything that names it follows, and `cargo xtask stage`, which made
// the first build what it is, makes the second from that: hashes, page and service worker are its own.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const XTASK = process.env.XTASK_BIN ?? join(root, 'target/debug/xtask');
const HASH = /[0-9a-f]{15,16}/;

/** Makes a build in `folder` from the one in `dist`: with other names where `renamed`, to be served below `base`. */
export function makeBuild(dist: string, folder: string, { renamed = false, base = '/' }): string {
  cpSync(dist, folder, { recursive: true });
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => HASH.test(name));
  const other = (name: string) => (renamed ? name.replace(HASH, (hash) => [...hash].reverse().join('')) : name);
  const texts = ['index.html', ...names].filter((name) => ['.html', '.js', '.mjs'].includes(extname(name)));
  for (const name of texts) {
    let text = readFileSync(join(folder, name), 'utf8');
    for (const asset of [...names, 'manifest.webmanifest', 'apple-touch-icon.png']) {
      text = text.replaceAll(`"/${asset}"`, `"${base}${other(asset)}"`).replaceAll(`'/${asset}'`, `'${base}${other(asset)}'`);
    }
    writeFileSync(join(folder, name), text);
  }
  for (const name of names) renameSync(join(folder, name), join(folder, other(name)));

  if (!existsSync(XTASK)) throw new Error(`${XTASK} is not built`);
  const env = { ...process.env, TRUNK_STAGING_DIR: folder, TRUNK_PUBLIC_URL: base };
  const run = spawnSync(XTASK, ['stage'], { encoding: 'utf8', cwd: root, env });
  if (run.status !== 0) throw new Error(`xtask stage ended with ${run.status}: ${run.stderr}`);
  return folder;
}

/** The name of the build in a folder. */
export function buildName(folder: string): string {
  return /data-build="([0-9a-f]+)"/.exec(readFileSync(join(folder, 'index.html'), 'utf8'))![1]!;
}
