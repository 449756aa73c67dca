import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';

const CALL_MS = 5_000;
/** An Application lists each of its objects and its history; some thousand objects fit. */
const MAX_BYTES = 8 * 1024 * 1024;

export interface KubernetesOptions {
  /** Of the API server, `https://…`. */
  url: string;
  /** Folder of `token` and `ca.crt`, read at each call: the kubelet replaces the token. */
  account: string;
  timeoutMs?: number;
}

export interface KubernetesAnswer {
  status: number;
  /** Parsed JSON; undefined when it is none. */
  body: unknown;
}

/** Reads objects of the Kubernetes API as the service account of this pod. */
export class Kubernetes {
  readonly #options: KubernetesOptions;

  constructor(options: KubernetesOptions) {
    this.#options = options;
  }

  /** Resolves with any status. Rejects when there is no whole answer in time, or `signal` says so. */
  async get(path: string, signal: AbortSignal): Promise<KubernetesAnswer> {
    const { url, account, timeoutMs = CALL_MS } = this.#options;
    const [token, ca] = await Promise.all([read(account, 'token'), read(account, 'ca.crt')]);
    const both = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const headers = { accept: 'application/json', authorization: `Bearer ${token.trim()}` };
    return new Promise((resolve, reject) => {
      // A connection of its own: between two looks the server would close it.
      const call = request(new URL(path, url), { ca, headers, signal: both, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_BYTES) call.destroy(new Error(`an answer of more than ${MAX_BYTES} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(chunks) }));
      });
      call.on('error', reject);
      call.end();
    });
  }
}

function read(account: string, name: string): Promise<string> {
  return readFile(join(account, name), 'utf8');
}

function parse(chunks: readonly Buffer[]): unknown {
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
