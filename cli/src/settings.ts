import { readFile } from 'node:fs/promises';
import { CliError, EXIT } from './errors.ts';
import type { Host } from './host.ts';

const DEFAULT_URL = 'http://127.0.0.1:8081';
const DEFAULT_GATEWAY = 'http://127.0.0.1:8080';

/** Options that every command takes. */
export interface GlobalOptions {
  json?: boolean;
  quiet?: boolean;
  url?: string;
  keyFile?: string;
  timeout: number;
}

export function controlUrl({ env }: Host, { url }: GlobalOptions): string {
  return checkedUrl('FRONTIER_URL', url ?? (env['FRONTIER_URL'] || DEFAULT_URL));
}

export function gatewayUrl({ env }: Host, given: string | undefined): string {
  return checkedUrl('FRONTIER_GATEWAY_URL', given ?? (env['FRONTIER_GATEWAY_URL'] || DEFAULT_GATEWAY));
}

/** The key; never an argument, which every process of the machine could read. */
export async function readKey({ env }: Host, { keyFile }: GlobalOptions): Promise<string> {
  const file = keyFile ?? env['FRONTIER_KEY_FILE'];
  if (!file) throw new CliError(EXIT.config, 'no key: set FRONTIER_KEY_FILE, or give --key-file');
  try {
    const key = (await readFile(file, 'utf8')).trim();
    if (/^[\x21-\x7e]{1,256}$/.test(key)) return key;
  } catch (error) {
    throw new CliError(EXIT.config, `the key cannot be read: ${(error as Error).message}`, { cause: error });
  }
  throw new CliError(EXIT.config, `${file} holds no key: one line frn_… is expected`);
}

function checkedUrl(name: string, text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new CliError(EXIT.config, `${name}: must be an http or https URL`);
  }
  return text.replace(/\/+$/, '');
}
