// The page's half of the service worker: keeps the app on this device, and hears of newer builds.
//
// It is a script of its own, so that a build that does not start can still be replaced by one that does.

const { base, build } = document.documentElement.dataset;
const container = navigator.serviceWorker;
/** How often a page that stays open looks for a newer build. */
const LOOK_MS = 30 * 60_000;

// As long as this page lives, the worker keeps the files of its build (see worker.js).
navigator.locks?.request(`foolscap ${base} ${build}`, { mode: 'shared' }, () => new Promise(() => {}));

if (container) {
  container.addEventListener('message', ({ data }) => {
    if (data === 'newer') announce();
  });
  container.addEventListener('controllerchange', () => introduce(container.controller));
  introduce(container.controller);
  // A worker is active only when it has the whole of its build.
  container.ready.then(() => {
    document.documentElement.dataset.kept = 'whole';
  });
  // Keeping the app is for the next visit: this one comes first.
  if (document.readyState === 'complete') settle();
  else addEventListener('load', settle, { once: true });
}

function settle() {
  (window.requestIdleCallback ?? setTimeout)(keep);
}

async function keep() {
  let registration;
  try {
    registration = await container.register(`${base}sw.js`, { scope: base });
  } catch {
    // No room, or not allowed here: the app works as it did, with its server.
    return;
  }
  introduce(container.controller, 'settled');
  introduce(registration.waiting);
  const follow = (worker) =>
    worker?.addEventListener('statechange', () => worker.state === 'installed' && introduce(worker));
  // The browser may have found a newer one by itself, on the way to this page.
  follow(registration.installing);
  registration.addEventListener('updatefound', () => follow(registration.installing));
  // A look that fails is a look at a server that is away: there will be another.
  const look = () => document.visibilityState === 'visible' && registration.update().catch(() => {});
  setInterval(look, LOOK_MS);
  addEventListener('visibilitychange', look);
}

/** Tells a worker what this page is. One of another build says so. */
function introduce(worker, stage = 'here') {
  worker?.postMessage({ build, stage });
}

function announce() {
  document.documentElement.dataset.update = 'ready';
  dispatchEvent(new Event('foolscap-update'));
}
