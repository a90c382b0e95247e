// The world of a story: the real server, the CoinGecko stand-in behind it, and a page that may not
// complain. Each story starts its own on free ports and ends only those.
import { test as base, expect, type BrowserContext, type Worker } from '@playwright/test';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Devnet, DEVNET } from './devnet.ts';
import { serveFiles, type StaticHost } from './static.ts';

const root = resolve(import.meta.dirname, '../../..');
const FOOLSCAP = process.env.FOOLSCAP_BIN ?? join(root, 'target/release/foolscap');
const COINGECKO = process.env.COINGECKO_BIN ?? join(root, 'target/debug/coingecko');
const WORLD = join(dirname(COINGECKO), 'world');
export const DIST = process.env.FOOLSCAP_DIST ?? join(root, 'dist');

/** The key every server of a story is given. All keys begin so, and nothing else does. */
const KEY = 'CG-stand-in';
const KEYS_BEGINNING = 'CG-';

/** Where a key was told that no one may tell. */
const keysTold: string[] = [];

/** Searches what was said somewhere. */
function search(place: string, said: string): void {
  if (said.includes(KEYS_BEGINNING)) keysTold.push(`${place}: ${said.slice(0, 500)}`);
}

/** A program that has said where it listens. */
class Program {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    /** What it had said by the time it said where it listens. */
    readonly heard: string,
  ) {}

  static async start(program: string, args: string[], env: Record<string, string>, says: RegExp): Promise<Program> {
    if (!existsSync(program)) throw new Error(`${program} is not built`);
    // Nothing of the caller's environment but what a program needs to run.
    const child = spawn(program, args, { env: { PATH: process.env.PATH ?? '', NO_COLOR: '1', ...env }, cwd: '/' });
    let heard = '';
    let line = '';
    const url = await new Promise<string>((found, failed) => {
      const listen = (chunk: Buffer) => {
        // Whatever is said, and however it comes in pieces.
        line += chunk;
        // The stand-in says how it is used, keys and all.
        if (program !== COINGECKO) search(program, line);
        line = line.slice(line.lastIndexOf('\n') + 1);
        if (says.test(heard)) return;
        heard += chunk;
        const match = says.exec(heard);
        if (match) found(match[1]!);
      };
      child.stdout!.on('data', listen);
      child.stderr!.on('data', listen);
      child.on('exit', (code) => failed(new Error(`${program} ended with ${code}:\n${heard}`)));
    });
    return new Program(child, url, heard);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
  }
}

/** The CoinGecko stand-in and its levers. */
export class CoinGecko {
  /** Where it is: its own program's address, or that of one which another program has inside. */
  constructor(readonly url: string) {}

  /** Sets a coin's price, as CoinGecko would write it. */
  async price(id: string, price: string): Promise<void> {
    await this.pull('price', { id, price });
  }

  /** Pulls a lever. */
  async pull(lever: string, body: unknown): Promise<void> {
    await this.lever('POST', lever, body);
  }

  /** Takes back what a lever did: `faults`, `prices`, `calls`. */
  async clear(lever: string): Promise<void> {
    await this.lever('DELETE', lever);
  }

  private async lever(method: string, lever: string, body?: unknown): Promise<void> {
    const answer = await fetch(`${new URL(this.url).origin}/__control/${lever}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${lever}: ${answer.status} ${await answer.text()}`);
  }
}

/** The real server with the stand-in behind it, both on one clock that a story moves. */
export class MovedWorld {
  constructor(
    /** Where the server is. */
    readonly url: string,
    /** The stand-in and its levers. */
    readonly coingecko: CoinGecko,
  ) {}

  /** A stablecoin has left its peg, and then the source has died: prices are stale. */
  async offPegAndLate(): Promise<void> {
    await this.coingecko.price('usd-coin', '0.97');
    await this.pass(61);
    await expect
      .poll(async () => JSON.stringify(await (await fetch(`${this.url}/api/v1/prices?chain=all`)).json()))
      .toContain('depeg');
    await this.coingecko.pull('fault', { endpoint: 'any', fault: { kind: 'html', status: 503 } });
    await this.pass(90);
  }

  /** Time passes for both; the page learns it from the server. */
  async pass(seconds: number): Promise<void> {
    await this.coingecko.pull('clock', { advance_ms: seconds * 1_000 });
  }
}

/** The real server. */
export class Server {
  private program?: Program;
  private port = '0';

  constructor(
    private readonly args: string[],
    private readonly env: Record<string, string>,
  ) {}

  /** Starts it; again on the same port. */
  async start(): Promise<void> {
    const says = /Foolscap is on (http:\/\/[\d.]+:\d+)/;
    const args = ['serve', '--port', this.port, '--metrics', 'off', ...this.args];
    this.program = await Program.start(FOOLSCAP, args, this.env, says);
    this.port = new URL(this.program.url).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    await this.program?.stop();
  }
}

/** What a story may start. Everything is ended with it. */
export class World {
  private readonly stops: (() => Promise<void>)[] = [];

  /** A stand-in with prices that stand still, where every token has one. */
  async coingecko(): Promise<CoinGecko> {
    const says = /stand-in \(made-up prices\) on (\S+)/;
    const program = await Program.start(COINGECKO, ['--port', '0', '--still', '--unlimited'], {}, says);
    this.stops.push(() => program.stop());
    return new CoinGecko(program.url);
  }

  /** The real server with real (stand-in) prices. */
  async real(coingecko: CoinGecko): Promise<Server> {
    return this.server([], { COIN_GECKO_BASE_URL: coingecko.url, COIN_GECKO_API_KEY: KEY, FOOLSCAP_LOG: 'trace,sqlx=warn' });
  }

  /** The real server and the stand-in, on a clock of their own. */
  async moved(): Promise<MovedWorld> {
    const program = await Program.start(WORLD, [], {}, /The World is on (\S+), its levers on \S+/);
    this.stops.push(() => program.stop());
    const levers = /its levers on (\S+)/.exec(program.heard)![1]!;
    return new MovedWorld(program.url, new CoinGecko(levers));
  }

  /** The real server with the demo market and no upstream at all. */
  async demo(): Promise<Server> {
    return this.server(['--market', 'demo'], {});
  }

  /** The same, with a folder for what it keeps over a restart; its leases last `lease` seconds. */
  async kept(folder: string, lease = 60): Promise<Server> {
    return this.server(['--market', 'demo', '--data', folder, '--lease', String(lease)], {});
  }

  /** A chain with an exchange, and the real server with a key of its own; a block for each transaction, at once. */
  async devnet(): Promise<Devnet> {
    const args = ['--foolscap', FOOLSCAP, '--port', '0', '--block-seconds', '0', '--json'];
    const program = await Program.start(DEVNET, args, {}, /"url":"([^"]+)".*\n/);
    this.stops.push(() => program.stop());
    return new Devnet(program.heard.split('\n').find((line) => line.startsWith('{'))!);
  }

  /** dist/, or another build of it, on a plain static host. */
  async static(root = DIST, base = '/'): Promise<StaticHost> {
    const host = await serveFiles(root, base);
    this.stops.push(() => host.stop());
    return host;
  }

  private async server(args: string[], env: Record<string, string>): Promise<Server> {
    const server = new Server(args, env);
    await server.start();
    this.stops.push(() => server.stop());
    return server;
  }

  async end(): Promise<void> {
    // Last started, first ended.
    for (const stop of this.stops.reverse()) await stop();
  }
}

/** What a page said that it should not have. */
export class Complaints {
  readonly heard: string[] = [];
  private readonly excused: RegExp[] = [];

  /** Listens to every page of a context, and to breaches of the content security policy in them. */
  async watch(context: BrowserContext): Promise<void> {
    context.on('console', (message) => {
      const url = message.location().url;
      if (message.type() === 'error') this.heard.push(`${message.text()} (${url})`);
    });
    // The service worker's console is not the page's.
    const listen = (worker: Worker) =>
      worker.on('console', (message) => {
        if (message.type() === 'error') this.heard.push(`${message.text()} (service worker)`);
      });
    context.serviceWorkers().forEach(listen);
    context.on('serviceworker', listen);
    context.on('response', async (response) => {
      if (!response.url().includes('/api/')) return;
      const headers = JSON.stringify(response.headers());
      // A page that goes on takes the bodies along that it was not given yet.
      search(response.url(), headers + (await response.text().catch(() => '')));
    });
    context.on('page', (page) =>
      page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => search('the socket', String(payload)))),
    );
    context.on('weberror', (error) => this.heard.push(String(error.error())));
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
      });
    });
  }

  /** The browser itself reports every request to the API that fails; stories that make it fail say so. */
  excuseApi(): void {
    this.excused.push(/^Failed to load resource: .*\/api\/v1\//);
  }

  /** Something a story brings about on purpose. */
  excuse(words: RegExp): void {
    this.excused.push(words);
  }

  remaining(): string[] {
    return this.heard.filter((line) => !this.excused.some((excuse) => excuse.test(line)));
  }
}

export const test = base.extend<{ world: World; complaints: Complaints }>({
  world: async ({}, use) => {
    const world = new World();
    keysTold.length = 0;
    await use(world);
    await world.end();
    expect(keysTold, 'keys told in logs and answers').toEqual([]);
  },
  // Every story listens, whether it asks or not, and fails on what it hears.
  complaints: [
    async ({ context, world: _ }, use) => {
      // After the world, so that it is judged before the servers end.
      const complaints = new Complaints();
      await complaints.watch(context);
      await use(complaints);
      expect(complaints.remaining(), 'console errors and CSP reports').toEqual([]);
    },
    { auto: true },
  ],
});

/** Runs `foolscap` with these arguments and reads the JSON it prints. */
export function foolscap(...args: string[]): any {
  const run = spawnSync(FOOLSCAP, args, { encoding: 'utf8', env: { PATH: process.env.PATH ?? '' } });
  if (run.status !== 0) throw new Error(`foolscap ${args.join(' ')} ended with ${run.status}: ${run.stderr}${run.stdout}`);
  return JSON.parse(run.stdout);
}

/** Fills requests by `foolscap simulate` with these arguments. */
export function simulate(requests: unknown[], ...args: string[]): void {
  const input = requests.map((request) => `${JSON.stringify(request)}\n`).join('');
  const options = { input, encoding: 'utf8', env: { PATH: process.env.PATH ?? '' }, maxBuffer: 2 ** 28 } as const;
  const run = spawnSync(FOOLSCAP, ['simulate', ...args], options);
  if (run.status !== 0) throw new Error(`foolscap simulate ended with ${run.status}: ${run.stderr}`);
}

export { expect };
