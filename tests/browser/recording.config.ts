// What a first visit calls of the app, for `cargo xtask record`.
import base from './playwright.config.ts';

export default {
  ...base,
  testDir: './recording',
  outputDir: './results/recording',
  workers: 1,
  // It would answer with the server's own build.
  use: { ...base.use, serviceWorkers: 'block' as const },
};
