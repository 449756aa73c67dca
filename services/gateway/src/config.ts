import { durationMs, flag, int, list, port, type ConfigOf } from '@frontier/kit/config';
import { queueShape } from '@frontier/kit/queue-config';
import { repositoryShape } from '@frontier/model-store/settings';
import { z } from 'zod';

const MiB = 1024 * 1024;

/** The gateway's settings; the environment variable is the key in upper snake case. */
export const shape = {
  ...queueShape,
  host: z.string().default('0.0.0.0').describe('Address of the HTTP and gRPC listeners'),
  httpPort: port().default(8080).describe('HTTP port; 0 takes a free one'),
  grpcPort: port().default(50051).describe('gRPC port; 0 takes a free one'),
  dispatchers: list(z.string().regex(/^.+:\d+$/, 'must be host:port'))
    .prefault('127.0.0.1:50052')
    .describe('`host:port` of the dispatchers, separated by commas; a host may stand for several addresses'),
  ...repositoryShape,
  defaultTenant: z
    .string()
    .min(1)
    .max(64)
    .default('default')
    .describe('Tenant of callers without an account'),
  trustTenantHeader: flag()
    .default(false)
    .describe('Whether `x-tenant-id` is believed: only behind a proxy that sets it'),
  maxBodyBytes: int()
    .min(1024)
    .default(16 * MiB)
    .describe('Bytes of an HTTP body at most, also when inflated'),
  maxConnections: int().min(1).default(10_000).describe('HTTP connections at most'),
  grpcMaxMessageBytes: int()
    .min(1024)
    .default(4 * MiB)
    .describe('Bytes of a gRPC message at most'),
  grpcMaxStreams: int().min(1).default(100).describe('Calls under way on one gRPC connection at most'),
  grpcReflection: flag()
    .optional()
    .describe('Whether gRPC reflection answers; default: unless NODE_ENV is production'),
  nodeEnv: z.string().default('development').describe('`production` turns reflection off'),
  jobTimeoutMs: durationMs()
    .default(15 * 60_000)
    .describe('Timeout of a job that names none'),
  shadowInFlight: int()
    .min(0)
    .default(16)
    .describe('Mirrored calls under way at once at most; those beyond are left out'),
  driftEvery: int()
    .min(1)
    .default(10)
    .describe('Each so many answers of a version with a `reference.json` one is held against it'),
  driftWindowMs: durationMs().default(300_000).describe('A window of drift is at least this long'),
  driftMinSamples: int().min(1).default(2_000).describe('And has at least so many values of a feature'),
  heartbeatMs: durationMs().default(10_000).describe('Time between heartbeats of a stream'),
  streamGraceMs: durationMs().default(30_000).describe('How long a stream waits for its client to come back'),
  slowReaderMs: durationMs()
    .default(30_000)
    .describe('How long a stream waits for a client that does not read'),
  noticeMs: durationMs()
    .default(3_000)
    .describe(
      'After SIGTERM: how long it still takes requests, asking each client to go elsewhere, before it takes none',
    ),
  drainMs: durationMs()
    .default(20_000)
    .describe('How long answers under way may take when the gateway stops'),
  accessLog: z
    .enum(['errors', 'all'])
    .default('errors')
    .describe('Requests that are logged: failed and slow ones, or all'),
  slowRequestMs: durationMs().default(5_000).describe('A request that takes longer is logged as slow'),
};

export type Config = ConfigOf<typeof shape>;
