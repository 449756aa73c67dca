import { WHOLE } from '@frontier/contracts/traffic';
import type { Host } from './host.ts';

export interface OutputOptions {
  json: boolean;
  quiet: boolean;
}

export type Cell = string | number | boolean | null | undefined;
export type Columns<T> = Record<string, (item: T) => Cell>;

/** Data on stdout, messages on stderr. */
export class Output {
  readonly #host: Host;
  readonly #options: OutputOptions;

  constructor(host: Host, options: OutputOptions) {
    this.#host = host;
    this.#options = options;
  }

  get json(): boolean {
    return this.#options.json;
  }

  /** A message for a person. */
  say(text: string): void {
    if (!this.#options.quiet) this.#host.stderr.write(`${lines(text)}\n`);
  }

  /** One thing: as lines `name  value`, or as one line of JSON. */
  one(value: object): void {
    if (this.json) return this.#line(JSON.stringify(value));
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    const width = Math.max(...entries.map(([name]) => name.length));
    for (const [name, item] of entries) this.#line(`${this.#bold(name.padEnd(width))}  ${shown(item)}`);
  }

  /** A list: as a table, or as one line of JSON each. */
  many<T extends object>(items: readonly T[], columns: Columns<T>): void {
    if (this.json) {
      for (const item of items) this.#line(JSON.stringify(item));
      return;
    }
    if (items.length === 0) return;
    const head = Object.keys(columns);
    const rows = items.map((item) => Object.values(columns).map((cell) => shown(cell(item))));
    const widths = head.map((name, i) =>
      Math.max(name.length, ...rows.map((row) => (row[i] as string).length)),
    );
    const text = (row: readonly string[]) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] as number))
        .join('  ')
        .trimEnd();
    this.#line(this.#bold(text(head)));
    for (const row of rows) this.#line(text(row));
  }

  /** Sentences, as data. */
  text(value: string): void {
    this.#line(lines(value));
  }

  /** Text as it is. */
  #line(text: string): void {
    this.#host.stdout.write(`${text}\n`);
  }

  #bold(text: string): string {
    const plain = this.#host.env['NO_COLOR'] || !this.#host.stdout.isTTY;
    return plain ? text : `\u001b[1m${text}\u001b[22m`;
  }
}

export function timeText(ms: number | null): string {
  return ms === null ? '-' : new Date(ms).toISOString();
}

/** A share of all traffic, in percent. */
export function shareText(share: number): string {
  return `${(100 * share) / WHOLE} %`;
}

function shown(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  return clean(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Names and messages come from elsewhere: none of them may move the cursor of a terminal. */
function clean(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?');
}

function lines(text: string): string {
  return text.split('\n').map(clean).join('\n');
}
