import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { failpointsSchema } from './failpoint.ts';

/** Key in camelCase → schema with a help text; the environment variable is the key in UPPER_SNAKE. */
export type Shape = Record<string, z.ZodType>;

export type ConfigOf<S extends Shape> = { [K in keyof S]: z.output<S[K]> };

/** sysexits.h EX_CONFIG. */
const EXIT_CONFIG = 78;

/** Timers over 2^31-1 ms fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A setting that is longer is not one: somebody named the wrong file. */
const MAX_FILE_BYTES = 64 * 1024;

/** Everything that is wrong with an environment, one line a variable. */
export class ConfigError extends Error {
  readonly exitCode = EXIT_CONFIG;
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`wrong configuration:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** `httpPort` → `HTTP_PORT`. */
export function variableName(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}

/**
 * Reads one typed object from environment variables; unset and empty ones take their default. Any variable `X` may
 * also be given as `X_FILE`, the path of a file with its value, unless `X_FILE` is a setting itself.
 * Throws ConfigError with all faults at once.
 */
export function parseEnv<S extends Shape>(shape: S, env: Record<string, string | undefined>): ConfigOf<S> {
  const config: Record<string, unknown> = {};
  const faults: string[] = [];
  const names = new Set(Object.keys(shape).map(variableName));
  for (const [key, schema] of Object.entries(shape)) {
    const name = variableName(key);
    const file = `${name}_FILE`;
    const { value, fault } = given(env, name, names.has(file) ? undefined : env[file]);
    if (fault !== undefined) {
      faults.push(fault);
      continue;
    }
    const result = schema.safeParse(value);
    if (result.success) config[key] = result.data;
    else faults.push(...result.error.issues.map((issue) => `${name}: ${faultText(issue, value)}`));
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return config as ConfigOf<S>;
}

/** The text of a variable, from itself or its file. */
function given(
  env: Record<string, string | undefined>,
  name: string,
  path: string | undefined,
): { value?: string | undefined; fault?: string } {
  const value = env[name] || undefined;
  if (!path) return { value };
  if (value !== undefined) return { fault: `${name}: is set, and ${name}_FILE too: unset one of them` };
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES) return { fault: `${name}_FILE: ${path} has over ${MAX_FILE_BYTES} bytes` };
    // An editor or `echo` ends a file with a newline, which is no part of a secret.
    return { value: readFileSync(path, 'utf8').replace(/\r?\n$/, '') || undefined };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { fault: `${name}_FILE: cannot read ${path} (${code ?? 'unknown error'})` };
  }
}

/** Names the place inside a JSON value; never repeats the value, which may be a secret. */
function faultText(issue: z.core.$ZodIssue, value: string | undefined): string {
  if (value === undefined) return 'must be set';
  return issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`;
}

/** A TCP port; 0 takes a free one. */
export function port() {
  return z.coerce.number().int().min(0).max(65_535);
}

export function int() {
  return z.coerce.number().int();
}

/** `true`, `1`, `yes`, `on` or their opposites. */
export function flag() {
  return z.stringbool();
}

/** Milliseconds, within what a timer can wait. */
export function durationMs() {
  return z.coerce.number().int().min(0).max(MAX_TIMER_MS);
}

/** Values separated by commas; blanks around them do not count. */
export function list<T extends z.ZodType<unknown, string>>(item: T) {
  return z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .pipe(z.array(item));
}

/** A value written as JSON. */
export function json<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'not JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

/** What every service understands; `runService` adds it to the service's own shape. */
export const commonShape = {
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least severe level that is logged'),
  metricsHost: z.string().default('0.0.0.0').describe('Address of /metrics, /healthz and /readyz'),
  metricsPort: port().default(9464).describe('Port of /metrics, /healthz and /readyz'),
  stopTimeoutMs: durationMs()
    .default(25_000)
    .describe('Longest orderly stop after SIGTERM; then it is cut short'),
  otelExporterOtlpEndpoint: z
    .url()
    .optional()
    .describe('Base URL of an OTLP/HTTP collector (`/v1/traces` is appended); unset: no tracing'),
  traceSampleRatio: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Share of traces kept when the caller sent no `traceparent`; else its decision holds'),
  failpoints: failpointsSchema
    .prefault('')
    .describe(
      'For experiments only: places where the process crashes, fails, waits or tells, `name=action[@n];…` (docs/reliability.md)',
    ),
} satisfies Shape;
