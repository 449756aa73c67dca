import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

describe('settings in files', () => {
  const withFile = { ...shape, gitPasswordFile: z.string().optional(), gitPassword: z.string().optional() };
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'frontier-config-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function file(text: string): string {
    const path = join(folder, 'value');
    writeFileSync(path, text);
    return path;
  }

  test.each([
    ['redis://x', 'redis://x'],
    ['redis://x\n', 'redis://x'],
    ['redis://x\r\n', 'redis://x'],
    [' redis://x\n\n', ' redis://x\n'],
  ])('%j is %j', (text, value) => {
    expect(parseEnv(shape, { REDIS_URL_FILE: file(text) }).redisUrl).toBe(value);
  });

  test('an empty file counts as unset', () => {
    expect(parseEnv(shape, { REDIS_URL: 'redis://x', HTTP_PORT_FILE: file('\n') }).httpPort).toBe(8080);
    const error = catchError(() => parseEnv(shape, { REDIS_URL_FILE: file('') }));
    expect((error as ConfigError).faults).toEqual(['REDIS_URL: must be set']);
  });

  test('a variable and its file at once are refused', () => {
    const error = catchError(() =>
      parseEnv(shape, { REDIS_URL: 'redis://x', REDIS_URL_FILE: file('hunter2') }),
    );
    expect((error as ConfigError).faults).toEqual([
      'REDIS_URL: is set, and REDIS_URL_FILE too: unset one of them',
    ]);
  });

  test('a file that cannot be read, or is far too long, is named', () => {
    const missing = catchError(() => parseEnv(shape, { REDIS_URL_FILE: join(folder, 'none') }));
    expect((missing as ConfigError).faults).toEqual([
      `REDIS_URL_FILE: cannot read ${join(folder, 'none')} (ENOENT)`,
    ]);
    const directory = catchError(() => parseEnv(shape, { REDIS_URL_FILE: folder }));
    expect((directory as ConfigError).message).toContain(`cannot read ${folder} (EISDIR)`);
    const path = file('x'.repeat(64 * 1024 + 1));
    const long = catchError(() => parseEnv(shape, { REDIS_URL_FILE: path }));
    expect((long as ConfigError).faults).toEqual([`REDIS_URL_FILE: ${path} has over 65536 bytes`]);
  });

  test('what is wrong in a file is told by the variable, without the value', () => {
    const env = { REDIS_URL: 'redis://x', WORKERS_FILE: file('hunter2') };
    const error = catchError(() => parseEnv(shape, env));
    expect((error as ConfigError).faults[0]).toMatch(/^WORKERS: /);
    expect((error as ConfigError).message).not.toContain('hunter2');
  });

  test('a setting that is a file itself stays a path', () => {
    const path = file('secret');
    const config = parseEnv(withFile, { REDIS_URL: 'redis://x', GIT_PASSWORD_FILE: path });
    expect(config).toMatchObject({ gitPasswordFile: path, gitPassword: undefined });
  });
});

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('did not throw');
}
