
// The later half of the app. `cargo xtask stage` puts this behind what wasm-bindgen wrote, whose `wasm` and
// `__wbg_init` it uses, and fills in the half's file. xtask/src/split says what is in it.
//
// Nobody checks the half's hash here, as nobody does with the first half: its name is its hash, it comes from the
// host that the page came from, and on this device the service worker has checked it. A browser that has to check
// would begin to compile only when the last byte is there.

const LATER = new URL('%LATER%', import.meta.url);
/** How long a fetch that failed is left alone, in milliseconds. */
const AGAIN_MS = 2_000;
/** Kept for as long as the tab lives, when the half could not be had in time. */
const BEGUN_ANEW = 'foolscap.begun-anew';
/** The half, as soon as it is compiled. */
let half;
let isJoined = false;
// What can wait for the rest of the app looks for this.
document.documentElement.dataset.half = 'first';

/** Puts the half's functions into their slots of the first half's table. */
function join() {
  if (isJoined) return;
  new WebAssembly.Instance(half, { a: wasm });
  isJoined = true;
  delete document.documentElement.dataset.half;
  document.documentElement.dataset.later ??= 'joined';
}

async function fetchHalf() {
  while (!half) {
    try {
      const compiled = await WebAssembly.compileStreaming(fetch(LATER));
      half ??= compiled;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

/** A function of the later half is called before it is here: whoever calls waits. */
function later() {
  if (!half) {
    const request = new XMLHttpRequest();
    request.open('GET', LATER, false);
    // What waits may not ask for bytes, but for characters that stand for them.
    request.overrideMimeType('text/plain; charset=x-user-defined');
    try {
      request.send();
    } catch {
      // The server is away.
    }
    if (request.status !== 200) {
      // A newer build may have taken this one's place: begin anew with that, once.
      if (!kept(() => sessionStorage, BEGUN_ANEW)) {
        sessionStorage.setItem(BEGUN_ANEW, '1');
        location.reload();
      }
      throw new Error(`${LATER}: ${request.status}`);
    }
    half = new WebAssembly.Module(Uint8Array.from(request.responseText, (char) => char.charCodeAt(0)));
    document.documentElement.dataset.later = 'waited for';
  }
  join();
}

// A page that goes away cannot wait. Whoever hears of that does nothing until it comes back, but would be asked.
addEventListener(
  'visibilitychange',
  (event) => {
    if (!isJoined && document.visibilityState === 'hidden') event.stopImmediatePropagation();
  },
  { capture: true },
);

/** What a storage has under a name; nothing where it is not allowed. */
function kept(storage, name) {
  try {
    return storage().getItem(name);
  } catch {
    return null;
  }
}

/** Starts the app, with what `begin/begin.js` has compiled. A newcomer does not wait for the later half. */
async function begin({ module_or_path }) {
  const { app, half: early, isNewcomer } = globalThis.foolscap;
  if (isNewcomer) {
    addEventListener(
      'TrunkApplicationStarted',
      () => (window.requestIdleCallback ?? setTimeout)(() => fetchHalf().then(join)),
      { once: true },
    );
  } else {
    half = await early;
    await fetchHalf();
  }
  return __wbg_init({ module_or_path: (await app) ?? module_or_path });
}
