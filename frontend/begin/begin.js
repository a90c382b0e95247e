// What need not wait for the app: begun by the page's first script, while the app is still on its way.
//
// A start is as long as what has to happen one after another. The store is opened and read, the server greeted
// and the app compiled side by side; the app takes what is ready when it begins. The store's layout stands here
// and nowhere else. `cargo xtask stage` puts into this script's tag where the app's two halves lie; without that,
// as in a development build, the app is fetched by its own script.
{
  const root = document.documentElement;
  const { app, later } = document.currentScript.dataset;

  /** What this device keeps under a name; nothing where it keeps nothing. */
  const kept = (name) => {
    try {
      return localStorage.getItem(`foolscap.${name}`);
    } catch {
      return null;
    }
  };
  const account = kept('account');

  // The first picture has the chosen looks already.
  for (const look of ['theme', 'colours']) {
    const chosen = kept(look);
    if (chosen) root.dataset[look] = chosen;
  }

  /** A half of the app. One that could not be had is left to the app's own script. */
  const compiled = (url) => url && WebAssembly.compileStreaming(fetch(url)).catch(() => undefined);
  // A newcomer's desk is in the first half, and comes first. An account of this device is read by the later one,
  // as are the other pages; and mostly both lie on this device.
  const isNewcomer = !account && !navigator.serviceWorker?.controller && location.pathname === root.dataset.base;

  const STORES = ['accounts', 'entries', 'cache'];
  /** As many lines of a journal as the app takes at once. */
  const LINES = 400;

  /** Whether the store was made just now. */
  let isNew = false;

  /** Opens the store, and makes what is missing in it. A later version adds its own below. */
  const open = () =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open('foolscap', 1);
      request.onupgradeneeded = ({ oldVersion }) => {
        isNew = oldVersion === 0;
        const there = request.result.objectStoreNames;
        for (const name of STORES) if (!there.contains(name)) request.result.createObjectStore(name);
      };
      request.onsuccess = () => {
        // A newer version of the app in another tab may upgrade: let it.
        request.result.onversionchange = () => request.result.close();
        resolve(request.result);
      };
      // Another tab that still holds an older version open closes it by itself, and then this succeeds.
      request.onerror = () => reject(request.error);
    });

  /** What was read before anybody asked; `null` where there was nothing to read. */
  const early = new Map();

  /** Reads what the app asks for first. What fails is asked for again, by somebody who can say so. */
  const read = (database) =>
    new Promise((done) => {
      const transaction = database.transaction(STORES);
      const note = (key, request, next) => {
        request.onsuccess = () => {
          early.set(key, request.result ?? null);
          next?.(request.result);
        };
      };
      transaction.oncomplete = transaction.onabort = done;
      const cache = transaction.objectStore('cache');
      note('accounts', transaction.objectStore('accounts').getAll());
      if (!account) return;
      // A long journal has a snapshot, and is read from there on.
      note(`snapshot ${account}`, cache.get(`snapshot ${account}`), (snapshot) => {
        const lines = IDBKeyRange.bound([account, 1], [account, Infinity]);
        if (!snapshot) note(`lines ${account}`, transaction.objectStore('entries').getAll(lines, LINES));
      });
      for (const name of ['prices', 'pools', 'gas']) note(name, cache.get(name));
    });

  const begin = async () => {
    const database = await open();
    if (isNew) early.set('accounts', []);
    else await read(database).catch(() => {});
    return database;
  };
  // Who only watches somebody else's account has no store here, and asks nothing but that.
  const isWatching = location.pathname.replace(/\/$/, '') === `${root.dataset.base}watch`;

  /** The first time the store is asked for. */
  let begun = isWatching ? undefined : begin();
  // Whoever waits for it hears of a failure; nobody else need.
  begun?.catch(() => {});

  let greeting = isWatching ? undefined : {
    asked: Date.now(),
    answer: fetch('/api/v1/status', {
      headers: { accept: 'application/json' },
      cache: 'no-store',
      signal: AbortSignal.timeout(8_000),
    }),
  };
  greeting?.answer.catch(() => {});

  globalThis.foolscap = {
    isNewcomer,
    app: compiled(app),
    half: isNewcomer ? undefined : compiled(later),
    /** The store, open. */
    store() {
      const store = begun ?? open();
      begun = undefined;
      return store;
    },
    /** What was read early under a name, once. */
    early(key) {
      const found = early.get(key);
      early.delete(key);
      return found;
    },
    /** The server's greeting: when it was asked for, and its answer. Once. */
    greeting() {
      const begun = greeting;
      greeting = undefined;
      return begun;
    },
  };
}
