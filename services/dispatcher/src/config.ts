import { z } from 'zod';
import { int, port, type ConfigOf } from '@frontier/kit/config';
import { queueShape } from '@frontier/kit/queue-config';
import { repositoryShape } from '@frontier/model-store/settings';

export const shape = {
  ...queueShape,
  dispatchHost: z.string().default('0.0.0.0').describe('Address that workers and gateways connect to'),
  dispatchPort: port().default(50052).describe('Port that workers and gateways connect to (gRPC)'),
  ...repositoryShape,
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
