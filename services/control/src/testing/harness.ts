import type { DeadLetter } from '@frontier/contracts/dead-letter';
import type { OwnerRole, Role } from '@frontier/contracts/registry';
import { openStores, type Stores } from '@frontier/database/stores';
import { parseEnv } from '@frontier/kit/config';
import { createLogger } from '@frontier/kit/logger';
import { Registry } from 'prom-client';
import { shape } from '../config.ts';
import type { DeadLetterSource } from '../dead-letters.ts';
import type { ExperimentSource } from '../experiments.ts';
import { hashOf, newToken } from '../keys/token.ts';
import { scannerOf } from '../scanner.ts';
import { ControlService } from '../service.ts';
import { MemoryTraffic } from './memory-traffic.ts';

const PEPPER = 'p'.repeat(32);
const log = createLogger({ service: 'test', level: 'silent' });

export interface Answer {
  status: number;
  headers: Headers;
  body: {
    success: boolean;
    data: unknown;
    error: { code: string; message: string; details: Record<string, unknown> } | null;
    request_id: string;
  };
}

export interface Harness {
  url: string;
  stores: Stores;
  registry: Registry;
  letters: FakeLetters;
  traffic: MemoryTraffic;
  /** A key of somebody, made in the store. */
  key(name: string, role: Role, owns?: readonly OwnerRole[]): Promise<string>;
  call(
    key: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  stop(): Promise<void>;
}

/** The whole control service in this process: a real socket, a real database in memory; only Redis is a fake. */
export async function startControl(
  env: Record<string, string> = {},
  experiments = () => Promise.resolve(NO_EXPERIMENTS),
): Promise<Harness> {
  const config = parseEnv(shape, { CONTROL_PORT: '0', ...env });
  const stores = await openStores({ log });
  const registry = new Registry();
  const letters = new FakeLetters();
  const traffic = new MemoryTraffic();
  const scanner = scannerOf(config);
  const deadLetters = () => Promise.resolve(letters);
  const control = new ControlService(config, {
    stores,
    traffic: () => Promise.resolve(traffic),
    deadLetters,
    experiments,
    scanner,
    pepper: PEPPER,
    log,
    registry,
  });
  await control.start();
  const url = `http://127.0.0.1:${control.port}`;
  return {
    url,
    stores,
    registry,
    letters,
    traffic,
    async key(name, role, owns = []) {
      const token = newToken('dev');
      const entry = {
        who: 'test',
        action: 'key.create',
        subject: `key/${token.id}`,
        before: null,
        after: null,
        why: 'test',
      };
      await stores.keys.create({ id: token.id, name, role, owns, secretHash: hashOf(token, PEPPER) }, entry);
      return token.text;
    },
    async call(key, method, path, body, headers = {}) {
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      });
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as Answer['body'],
      };
    },
    async stop() {
      await control.stop();
      await stores.close();
    },
  };
}

/** There is none, and none can begin. */
const NO_EXPERIMENTS: ExperimentSource = {
  get: () => Promise.resolve(undefined),
  list: () => Promise.resolve([]),
  put: withoutRedis,
  remove: withoutRedis,
  counts: withoutRedis,
  traffic: { get: withoutRedis, put: withoutRedis },
};

function withoutRedis(): Promise<never> {
  return Promise.reject(new Error('this test has no Redis'));
}

/** Dead letters without Redis. */
export class FakeLetters implements DeadLetterSource {
  letters: DeadLetter[] = [];

  find(id: string): Promise<DeadLetter | undefined> {
    return Promise.resolve(this.letters.find((letter) => letter.id === id));
  }

  async *all({
    kind,
    model,
  }: {
    kind?: string | undefined;
    model?: string | undefined;
  }): AsyncGenerator<DeadLetter> {
    for (const letter of this.letters) {
      if ((kind === undefined || kind === letter.kind) && (model === undefined || model === letter.model))
        yield letter;
    }
  }

  redrive(letter: DeadLetter): Promise<string> {
    this.#remove(letter);
    return Promise.resolve(`${letter.id}-again`);
  }

  remove(letter: DeadLetter): Promise<boolean> {
    return Promise.resolve(this.#remove(letter));
  }

  payloadBytes(): Promise<number | undefined> {
    return Promise.resolve(10);
  }

  #remove({ id }: DeadLetter): boolean {
    const before = this.letters.length;
    this.letters = this.letters.filter((letter) => letter.id !== id);
    return this.letters.length < before;
  }
}

export function deadLetter(id: string, extra: Partial<DeadLetter> = {}): DeadLetter {
  const request = {
    id,
    epoch: 1,
    tenant: 'default',
    model: 'simple',
    version: '1',
    mode: 'sync',
    timeoutMs: 1_000,
  };
  return {
    id,
    tenant: 'default',
    model: 'simple',
    version: '1',
    shard: { priority: 'standard', pool: 'cpu', index: 0 },
    kind: 'transient',
    error: { code: 'UPSTREAM_ERROR', message: 'it failed' },
    attempts: 3,
    crashes: 0,
    diedAt: 1_700_000_000_000,
    request: request as unknown as DeadLetter['request'],
    ...extra,
  };
}

const hash = (digit: string) => `sha256:${digit.repeat(64)}`;

/** A body that registers a version. */
export function newVersion(
  model: string,
  version: string,
  extra: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    model,
    version,
    name: `${model}_${version}_20261121`,
    digest: hash('a'),
    card: '# Card',
    lineage: {
      datasetHash: hash('b'),
      commit: 'abcdef1',
      configurationHash: hash('c'),
      environmentHash: hash('d'),
    },
    why: 'a better one',
    ...extra,
  };
}

/** A report that passes its gate. */
export const REPORTS: Readonly<Record<string, { kind: string; report: Record<string, unknown> }>> = {
  G0: {
    kind: 'data-validation',
    report: { passed: true, metrics: { schema_valid_part: 1, in_range_part: 1, drift_psi: 0.05 } },
  },
  G1: {
    kind: 'evaluation',
    report: {
      passed: true,
      task: 'image-classification',
      metrics: { p99_latency_ms: 40, failed_part: 0, accuracy: 0.97, macro_f1: 0.96 },
      rubric: { quality: 0.97, safety: 0.9, performance: 1, cost: 0.8 },
    },
  },
  G2: { kind: 'scan', report: { passed: true } },
  G3: { kind: 'validation', report: { passed: true } },
  G4: {
    kind: 'shadow',
    report: {
      passed: true,
      metrics: { output_match_part: 0.99, p95_latency_ratio: 1, drift_detection_rate: 0.96 },
    },
  },
  G5: { kind: 'release-checklist', report: { passed: true } },
};
