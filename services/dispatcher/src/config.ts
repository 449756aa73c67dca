import { z } from 'zod';
import { POOLS, queuePoliciesSchema } from '@frontier/contracts/queue';
import { durationMs, int, json, list, port, type ConfigOf } from '@frontier/kit/config';

export const shape = {
  redisUrl: z.string().default('redis://127.0.0.1:6379').describe('Redis that holds the queues'),
  dispatchHost: z.string().default('0.0.0.0').describe('Address that workers and gateways connect to'),
  dispatchPort: port().default(50052).describe('Port that workers and gateways connect to (gRPC)'),
  modelRepository: list(z.string())
    .prefault('models')
    .describe('Folders of models, separated by commas: `<folder>/<name>/<version>/model.yaml`'),
  pools: list(z.enum(POOLS))
    .prefault('cpu')
    .describe('Worker pools of this installation: `cpu`, `gpu` or both'),
  shards: int()
    .min(1)
    .max(1024)
    .default(1)
    .describe('Shards of each (priority, pool) queue; the same everywhere'),
  queues: json(queuePoliciesSchema)
    .prefault('{}')
    .describe(
      'Overrides of the queue policies by priority, as JSON: `{"vip":{"bound":200}}`; the same everywhere',
    ),
  redisReplicas: int()
    .min(0)
    .default(0)
    .describe('Replicas that must have a result before anybody is told of it (`WAIT`)'),
  redisReplicaTimeoutMs: durationMs().default(1_000).describe('Longest wait for those replicas'),
  maxResultBytes: int()
    .min(1024)
    .default(32 * 1024 * 1024)
    .describe('Bytes of outputs of one request at most: they lie in Redis until they expire'),
  maxBatchBytes: int()
    .min(1024)
    .default(64 * 1024 * 1024)
    .describe('Bytes of inputs in one batch at most'),
};

export type Config = ConfigOf<typeof shape>;
