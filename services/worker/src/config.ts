import { availableParallelism, totalmem } from 'node:os';
import { z } from 'zod';
import { POOLS } from '@frontier/contracts/queue';
import { durationMs, int, list, type ConfigOf } from '@frontier/kit/config';
import { repositoryShape } from '@frontier/model-store/settings';
import { PROVIDERS } from '@frontier/model-runtime/protocol';

const MiB = 1024 * 1024;

/** What this process may use at most: of its container, where it has a limit. */
function memoryBytes(): number {
  return Math.min(process.constrainedMemory() || Infinity, totalmem());
}

export const shape = {
  pool: z.enum(POOLS).default('cpu').describe('The pool that this worker belongs to'),
  dispatchers: list(z.string().regex(/^.+:\d+$/, 'must be host:port'))
    .prefault('127.0.0.1:50052')
    .describe('`host:port` of the dispatchers, separated by commas; a host may stand for several addresses'),
  resolveEveryMs: durationMs()
    .default(5_000)
    .describe('How often the names of the dispatchers are looked up again'),
  ...repositoryShape,
  models: list(z.string())
    .prefault('')
    .describe('Models to load, `name` or `name@version`, separated by commas; empty: all of the pool'),
  modelMemoryBytes: int()
    .min(MiB)
    .default(Math.floor(0.7 * memoryBytes()))
    .describe(
      'Memory of all loaded versions, by an estimate from their files; what does not fit is loaded when it is asked for, in the place of what is idle (default: 70 % of the memory there is)',
    ),
  modelIdleMs: durationMs()
    .default(10_000)
    .describe('A version that ran nothing for so long may be unloaded for another'),
  executionProviders: list(z.enum(PROVIDERS))
    .prefault('cpu')
    .describe('ONNX Runtime execution providers in order of preference; `cpu` is always the last resort'),
  workerConcurrency: int()
    .min(1)
    .default(Math.min(2 * availableParallelism(), 64))
    .describe('Batches that execute at once, over all models (default: twice the cores, at most 64)'),
  drainMs: durationMs()
    .default(20_000)
    .describe('After SIGTERM: how long running work may take to end; the rest goes back to the dispatcher'),
};

export type Config = ConfigOf<typeof shape>;
