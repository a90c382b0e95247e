// Pictures of every page, to be looked at: `npm run screenshots`. They go to screenshots/out.
import base from './playwright.config.ts';

export default { ...base, testDir: './screenshots', outputDir: './results/screenshots' };
