import { z } from 'zod';
import { ConfigError, durationMs, flag, int, json, list, parseEnv, port, variableName } from './config.ts';

const shape = {
  httpPort: port().default(8080).describe('port'),
  workers: int().min(1).max(8).default(2),
  pretty: flag().default(false),
  redisUrl: z.string(),
  stopTimeoutMs: durationMs().default(100),
  pools: list(z.enum(['cpu', 'gpu'])).default(['cpu']),
  limits: json(z.object({ vip: z.int() })).optional(),
};

test('names of variables', () => {
  expect(variableName('httpPort')).toBe('HTTP_PORT');
  expect(variableName('otelExporterOtlpEndpoint')).toBe('OTEL_EXPORTER_OTLP_ENDPOINT');
  expect(variableName('s3Bucket')).toBe('S3_BUCKET');
});

test('defaults stand for unset and empty variables', () => {
  const config = parseEnv(shape, { REDIS_URL: 'redis://x', HTTP_PORT: '' });
  expect(config).toEqual({
    httpPort: 8080,
    workers: 2,
    pretty: false,
    redisUrl: 'redis://x',
    stopTimeoutMs: 100,
    pools: ['cpu'],
    limits: undefined,
  });
});

test('strings become what the schema says', () => {
  const config = parseEnv(shape, {
    REDIS_URL: 'redis://x',
    HTTP_PORT: '0',
    WORKERS: '8',
    PRETTY: 'yes',
    POOLS: 'gpu, cpu,',
    LIMITS: '{"vip":3}',
  });
  expect(config).toMatchObject({
    httpPort: 0,
    workers: 8,
    pretty: true,
    pools: ['gpu', 'cpu'],
    limits: { vip: 3 },
  });
});

test('all faults are told at once, by the variable, without the value', () => {
  const env = {
    HTTP_PORT: 'hunter2',
    WORKERS: '9',
    PRETTY: 'perhaps',
    STOP_TIMEOUT_MS: '3000000000',
    POOLS: 'cpu,tpu',
    LIMITS: '{"vip":',
  };
  const error = catchError(() => parseEnv(shape, env));
  expect(error).toBeInstanceOf(ConfigError);
  const { faults, exitCode, message } = error as ConfigError;
  expect(exitCode).toBe(78);
  expect(faults.map((fault) => fault.split(':')[0])).toEqual([
    'HTTP_PORT',
    'WORKERS',
    'PRETTY',
    'REDIS_URL',
    'STOP_TIMEOUT_MS',
    'POOLS',
    'LIMITS',
  ]);
  expect(message).toContain('REDIS_URL: must be set');
  expect(message).toContain('LIMITS: not JSON');
  expect(message).not.toContain('hunter2');
});

test('a fault inside JSON names its place', () => {
  const error = catchError(() => parseEnv(shape, { REDIS_URL: 'x', LIMITS: '{"vip":1.5}' }));
  expect((error as ConfigError).faults[0]).toMatch(/^LIMITS: vip: /);
});

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('did not throw');
}
