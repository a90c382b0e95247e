// The service worker: the app without its server.
//
// `cargo xtask stage` fills in the build's name and its files and puts this beside the page as sw.js.
// A build lies in a cache of its own and whole: each file is taken against its hash, so a cache never holds
// pieces of two builds. A tab holds a lock in the name of the cache it runs from. A cache goes only when
// nobody holds its lock: a tab that stays open finds its files after the server has forgotten them.
// The API is none of its business: what the server says, the app asks, keeps and dates by itself.

const BUILD = '%BUILD%';
/** Name, relative to the scope, and hash of every file. */
const FILES = [/*%FILES%*/];

const SCOPE = new URL(self.registration.scope);
const CACHES = `foolscap ${SCOPE.pathname} `;
const OWN = CACHES + BUILD;
const PAGE = new URL('index.html', SCOPE);
/** A server answers each coding with `vary`; what lies here is decoded already. */
const HOW = { ignoreVary: true };

self.addEventListener('install', (event) => event.waitUntil(fill()));
// A first visit is served from here at once, lazily loaded files included.
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('message', (event) => {
  const { data, source } = event;
  if (data.build === BUILD) {
    // A page of this very build: it came around an older worker, and there is nothing to announce.
    self.skipWaiting();
    // A page that still loads may not hold its lock yet; one that has settled is long past that.
    if (data.stage === 'settled') event.waitUntil(tidy());
  } else if (data.build) {
    source.postMessage('newer');
  } else if (data === 'take over') {
    self.skipWaiting();
  }
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const isOurs = url.origin === SCOPE.origin && url.pathname.startsWith(SCOPE.pathname);
  if (request.method !== 'GET' || !isOurs || /^\/api(\/|$)/.test(url.pathname)) return;
  const namesFile = url.pathname.split('/').pop().includes('.');
  if (namesFile) event.respondWith(file(request));
  else if (request.mode === 'navigate') event.respondWith(page(request));
});

/** Takes every file of the build, or nothing. */
async function fill() {
  const isNew = !(await caches.has(OWN));
  const cache = await caches.open(OWN);
  const take = async ([name, integrity]) => {
    const url = new URL(name, SCOPE);
    // A name that carries a hash may come from what the browser keeps; any other is asked for anew.
    const isHashed = /[0-9a-f]{12}/.test(name);
    const response = await fetch(url, { integrity, cache: isHashed ? 'default' : 'no-cache' });
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    // A page that a host redirected to would be refused to a navigation: its content is the same.
    const plain = response.redirected ? new Response(response.body, { headers: response.headers }) : response;
    await cache.put(url, plain);
  };
  try {
    await Promise.all(FILES.map(take));
  } catch (error) {
    if (isNew) await caches.delete(OWN);
    throw error;
  }
}

/** How long a tab waits for a newer worker to take over, in milliseconds. */
const PATIENCE_MS = 5_000;
/** Since when this worker hands over; 0 when it does not. */
let handsOver = 0;

/** The app's page, whatever its path: the app knows its own routes. */
async function page(request) {
  if (self.registration.waiting) {
    // A newer build is whole, and this tab asks for its page anew: let it have the new one. Other tabs keep
    // theirs. The newer worker takes over between two questions, so the tab asks until it has.
    handsOver ||= Date.now();
    if (Date.now() - handsOver < PATIENCE_MS) {
      self.registration.waiting.postMessage('take over');
      // A document without an icon has the browser ask the server for one.
      const again = '<!doctype html><link rel="icon" href="data:,">';
      return new Response(again, { headers: { refresh: '0', 'content-type': 'text/html' } });
    }
    // It does not come. The build that is there is better than none.
    handsOver = 0;
  }
  const own = await caches.open(OWN);
  return (await own.match(PAGE, HOW)) ?? fetch(request);
}

/** A file of this build, or of one that a tab still runs. */
async function file(request) {
  const own = await caches.open(OWN);
  return (await own.match(request, HOW)) ?? (await caches.match(request, HOW)) ?? fetch(request);
}

/** Lets go of builds that no tab runs. */
async function tidy() {
  const names = (await caches.keys()).filter((name) => name.startsWith(CACHES) && name !== OWN);
  const drop = (name) => navigator.locks.request(name, { ifAvailable: true }, (lock) => lock && caches.delete(name));
  await Promise.all(names.map(drop));
}
