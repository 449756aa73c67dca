import { z } from 'zod';
import { POOLS, queuePoliciesSchema } from '@frontier/contracts/queue';
import { durationMs, int, json, list, type Shape } from './config.ts';

/** The settings in which everybody who touches the queues must agree. */
export const queueShape = {
  redisUrl: z.url().default('redis://127.0.0.1:6379').describe('Redis that holds queues and records'),
  redisReplicas: int()
    .min(0)
    .default(0)
    .describe('Replicas that must have a write before anybody is told of it (`WAIT`)'),
  redisReplicaTimeoutMs: durationMs().default(1_000).describe('Longest wait for those replicas'),
  pools: list(z.enum(POOLS))
    .prefault('cpu')
    .describe('Worker pools of this installation, in order of preference: `cpu`, `gpu` or both'),
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
} satisfies Shape;
