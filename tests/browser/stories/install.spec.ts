// Foolscap can be installed: the browser itself finds nothing missing.
import { chromium } from '@playwright/test';
import { expect, test } from '../support/world.ts';

test('the browser finds the manifest good and the app fit to be installed', async ({ world, complaints }) => {
  const server = await world.demo();
  // A private window is nothing to install from, so this is a browser with a profile.
  const context = await chromium.launchPersistentContext(test.info().outputPath('profile'), test.info().project.use.launchOptions);
  await complaints.watch(context);
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByTestId('cash').waitFor();
  const session = await context.newCDPSession(page);
  const { errors, url, data } = await session.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  expect(url).toBe(`${server.url}/manifest.webmanifest`);
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  expect(installabilityErrors).toEqual([]);

  const manifest = JSON.parse(data!);
  expect(manifest.display).toBe('standalone');
  expect(manifest.icons.map((icon: any) => `${icon.purpose} ${icon.sizes}`).sort()).toEqual(['any 192x192', 'any 512x512', 'maskable 192x192', 'maskable 512x512']);
  for (const { src, sizes } of [...manifest.icons, { src: 'apple-touch-icon.png', sizes: '180x180' }]) {
    const answer = await fetch(new URL(src, url));
    expect(answer.headers.get('content-type')).toBe('image/png');
    const png = Buffer.from(await answer.arrayBuffer());
    // Width and height stand at the same place in every PNG.
    expect(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`).toBe(sizes);
  }
  await context.close();
});

test('the worker is asked for anew each time and never kept by the browser', async ({ world }) => {
  const server = await world.demo();
  for (const path of ['/sw.js', '/manifest.webmanifest', '/index.html']) {
    const answer = await fetch(server.url + path);
    expect([path, answer.status, answer.headers.get('cache-control')]).toEqual([path, 200, 'no-cache']);
  }
  expect((await fetch(`${server.url}/robots.txt`)).status).toBe(200);
});
