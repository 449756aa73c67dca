import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { Client } from './client.ts';
import { CliError, EXIT } from './errors.ts';
import type { Host } from './host.ts';
import { Output } from './output.ts';
import { controlUrl, readKey, type GlobalOptions } from './settings.ts';

/** Options of a command that changes something. */
export interface ChangeOptions {
  why: string;
  dryRun?: boolean;
  yes?: boolean;
}

/** What a command works with. */
export class Context {
  readonly host: Host;
  readonly out: Output;
  readonly options: GlobalOptions;
  #client: Client | undefined;

  constructor(host: Host, command: Command) {
    this.host = host;
    this.options = command.optsWithGlobals<GlobalOptions>();
    this.out = new Output(host, { json: this.options.json ?? false, quiet: this.options.quiet ?? false });
  }

  get timeoutMs(): number {
    return this.options.timeout * 1_000;
  }

  async client(): Promise<Client> {
    this.#client ??= new Client({
      url: controlUrl(this.host, this.options),
      key: await readKey(this.host, this.options),
      timeoutMs: this.timeoutMs,
      signal: this.host.signal,
    });
    return this.#client;
  }

  /** Changes something with its reason. With `--dry-run` only says so; then undefined. */
  async change<T>(path: string, body: object, { why, dryRun }: ChangeOptions): Promise<T | undefined> {
    const whole = { ...body, why };
    if (dryRun) {
      this.out.say(`would POST ${path} ${JSON.stringify(whole)}`);
      return undefined;
    }
    return (await this.client()).post<T>(path, whole);
  }

  /** Has the name typed, unless `--yes` was given or nothing will be changed. Throws CliError otherwise. */
  async confirm(name: string, what: string, { yes, dryRun }: Omit<ChangeOptions, 'why'>): Promise<void> {
    if (yes || dryRun) return;
    const { stdin, stderr, signal } = this.host;
    if (!stdin.isTTY) throw new CliError(EXIT.usage, `${what}: add --yes, since nobody can be asked`);
    stderr.write(`${what}. Type ${name} to go on: `);
    const reader = createInterface({ input: stdin });
    try {
      const answer = await reader.question('', { signal });
      if (answer.trim() !== name) throw new CliError(EXIT.failed, 'not confirmed, nothing was changed');
    } finally {
      reader.close();
    }
  }
}
