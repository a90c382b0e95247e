// Several devices of one owner, and readers: each a browser context of its own, all held to the same manners.
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { Desk } from './desk.ts';
import { expect, type Complaints } from './world.ts';

/** What stands in no address that is asked for, whatever happens. */
export class Secrets {
  readonly asked: string[] = [];
  private readonly known = new Set<string>();

  /** Listens to every request of a context, and to its sockets. */
  listen(context: BrowserContext): void {
    context.on('request', (request) => this.asked.push(request.url()));
    context.on('page', (page) => page.on('websocket', (socket) => this.asked.push(socket.url())));
  }

  add(secret: string): void {
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    this.known.add(secret);
  }

  /** No secret was in an address. */
  kept(): void {
    expect(this.known.size).toBeGreaterThan(0);
    expect(this.asked.length).toBeGreaterThan(0);
    // A browser tells of a navigation with its fragment, which it sends to nobody.
    const sent = this.asked.map((url) => url.split('#')[0]!);
    expect(sent.filter((url) => [...this.known].some((secret) => url.includes(secret)))).toEqual([]);
  }
}

/** Devices of one owner. */
export class Devices {
  readonly secrets = new Secrets();
  private readonly contexts: BrowserContext[] = [];

  constructor(
    private readonly browser: Browser,
    private readonly complaints: Complaints,
  ) {}

  /** A new device, with nothing on it. */
  async open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const context = await this.browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    this.contexts.push(context);
    await this.complaints.watch(context);
    this.secrets.listen(context);
    return context.newPage();
  }

  /** A device with an account of its own, which the server has a copy of. */
  async first(server: { url: string }): Promise<Desk> {
    const desk = new Desk(await this.open());
    await desk.open(server.url);
    await desk.priced();
    await copied(desk);
    return desk;
  }

  /** Another device of the owner's, by the link that the first one shows. */
  async another(first: Desk): Promise<Desk> {
    const link = await ownLink(first);
    this.secrets.add(link.split('=')[1]!);
    const desk = new Desk(await this.open());
    await desk.page.goto(link);
    await expect(desk.page).not.toHaveURL(/own=/);
    await expect(desk.page.getByTestId('arrived')).toBeVisible();
    await desk.page.getByTestId('bring-account').click();
    await expect(desk.toasts).toContainText('is in hand');
    await desk.closeToasts();
    await desk.go('Trade');
    return desk;
  }

  async end(): Promise<void> {
    for (const context of this.contexts) await context.close();
  }
}

/** Waits until the server has all there is. */
export async function copied(desk: Desk): Promise<void> {
  await expect(desk.page.getByTestId('copy')).toHaveAttribute('data-state', 'kept', { timeout: 20_000 });
}

/** The link that brings an account to another device. */
export async function ownLink(desk: Desk): Promise<string> {
  await desk.go('Accounts');
  await desk.page.getByTestId('show-token').click();
  const link = await desk.page.getByTestId('owner-token').getByRole('button').first().getAttribute('title');
  await desk.page.getByTestId('hide-token').click();
  await desk.go('Trade');
  return link!;
}

/** Why nothing is traded on a device. */
export function held(desk: Desk) {
  return desk.page.getByTestId('ticket').getByTestId('held');
}
