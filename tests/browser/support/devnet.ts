// A chain of a story's own with an exchange on it, and the real server that trades there: `cargo xtask devnet`'s own
// program. The chain is asked for the truth by JSON-RPC, never by the server that is being judged.
import { join, dirname } from 'node:path';

/** The program, beside the others. */
export const DEVNET = join(dirname(process.env.COINGECKO_BIN ?? join(import.meta.dirname, '../../../target/debug/coingecko')), 'devnet');

export class Devnet {
  readonly url: string;
  readonly node: string;
  readonly wallet: string;
  /** The operator's token. */
  readonly token: string;
  /** Addresses by symbol. */
  readonly tokens: Record<string, string>;

  constructor(facts: string) {
    ({ url: this.url, node: this.node, wallet: this.wallet, token: this.token, tokens: this.tokens } = JSON.parse(facts));
  }

  /** Asks the node itself. */
  async rpc<T = string>(method: string, ...params: unknown[]): Promise<T> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const answer = await fetch(this.node, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const told = (await answer.json()) as { result: T; error?: { message: string } };
    if (told.error) throw new Error(`${method}: ${told.error.message}`);
    return told.result;
  }

  /** Blocks are made only when asked for, from now on. */
  async hold(): Promise<void> {
    await this.rpc('evm_setAutomine', false);
  }

  /** Makes blocks. */
  async mine(blocks: number): Promise<void> {
    await this.rpc('anvil_mine', `0x${blocks.toString(16)}`);
  }

  /** What the wallet holds of an asset, in base units: `native`, or a token's address. */
  async balance(asset: string): Promise<bigint> {
    if (asset === 'native') return BigInt(await this.rpc('eth_getBalance', this.wallet, 'latest'));
    const data = `0x70a08231${this.wallet.slice(2).toLowerCase().padStart(64, '0')}`;
    return BigInt(await this.rpc('eth_call', { to: asset, data }, 'latest'));
  }
}
