import { z } from 'zod';
import { POOLS, queuePoliciesSchema } from '@frontier/contracts/queue';
import { durationMs, int, json, list, type Shape } from './config.ts';
import { parseRedisUrl, REDIS_URL_FORMS } from './redis-url.ts';

function redisUrl() {
  return z.string().superRefine((text, context) => {
    try {
      parseRedisUrl(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });
}

/** The settings in which everybody who touches the queues must agree. */
export const queueShape = {
  redisUrl: redisUrl()
    .default('redis://127.0.0.1:6379')
    .describe(`Redis that holds queues and records: ${REDIS_URL_FORMS}; \`rediss\` for TLS`),
  redisReplicas: int()
    .min(0)
    .default(0)
    .describe('Replicas that must have a write before anybody is told of it (`WAIT`)'),
  redisReplicaTimeoutMs: durationMs()
    .max(4_000) // A call that lasts 5 s is given up.
    .default(1_000)
    .describe('Longest wait for those replicas'),
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
  keptResultBytes: int()
    .min(0)
    .default(256 * 1024 * 1024)
    .describe(
      'Bytes of results of jobs and keyed calls that a tenant may have kept in each shard (24 h); over it new ones get 429',
    ),
} satisfies Shape;
