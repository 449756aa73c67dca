import type { DestinationStream } from 'pino';
import type { Registry } from 'prom-client';
import { withTimeout } from './abort.ts';
import { commonShape, ConfigError, parseEnv, type ConfigOf, type Shape } from './config.ts';
import { activateFailpoints } from './failpoint.ts';
import { createLogger, type Logger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { startOps, type OpsServer } from './ops-server.ts';
import { startTracing, stopTracing } from './tracing.ts';

/** What runs between start and stop. Tests start one in their own process. */
export interface Service {
  start(): Promise<void>;
  /** Orderly end: no new work, finish or hand back what there is. Also called after a failed `start`. */
  stop(): Promise<void>;
  /** True, or why the service should get no traffic now. */
  ready(): true | string;
}

export interface ServiceContext {
  log: Logger;
  registry: Registry;
  /** Aborted when the stop begins, before `stop()` is called: ends waits and loops. */
  signal: AbortSignal;
}

export interface RunOptions<S extends Shape> {
  name: string;
  shape: S;
  create(config: ConfigOf<typeof commonShape & S>, context: ServiceContext): Service | Promise<Service>;
}

/** The part of `process` that a service touches; tests pass a fake. */
export interface Host extends NodeJS.EventEmitter {
  env: Record<string, string | undefined>;
  exit(code: number): void;
  stderr: { write(text: string): unknown };
}

const EXIT_FAILED = 1;
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * The whole of a `main.ts`: environment → configuration → service → run until SIGTERM or SIGINT → orderly stop
 * within STOP_TIMEOUT_MS → exit 0. A wrong configuration exits 78, any failure 1, a second signal at once.
 */
export async function runService<S extends Shape>(
  options: RunOptions<S>,
  host: Host = process,
  logStream?: DestinationStream,
): Promise<void> {
  let config: ConfigOf<typeof commonShape & S>;
  try {
    config = parseEnv({ ...commonShape, ...options.shape }, host.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    host.stderr.write(`${options.name}: ${error.message}\n`);
    return host.exit(error.exitCode);
  }
  const log = createLogger({
    service: options.name,
    level: config.logLevel,
    ...(logStream && { stream: logStream }),
  });
  activateFailpoints(config.failpoints);
  if (config.failpoints.length > 0) {
    log.warn({ failpoints: config.failpoints }, 'failpoints are on: this process may crash on purpose');
  }
  await new Run(options, config, log, host).run();
}

type Phase = 'starting' | 'running' | 'stopping';

class Run<S extends Shape> {
  readonly #options: RunOptions<S>;
  readonly #config: ConfigOf<typeof commonShape & S>;
  readonly #log: Logger;
  readonly #host: Host;
  readonly #abort = new AbortController();
  #phase: Phase = 'starting';
  #service: Service | undefined;
  #ops: OpsServer | undefined;
  #started: Promise<void> | undefined;

  constructor(options: RunOptions<S>, config: ConfigOf<typeof commonShape & S>, log: Logger, host: Host) {
    this.#options = options;
    this.#config = config;
    this.#log = log;
    this.#host = host;
  }

  async run(): Promise<void> {
    this.#listen();
    this.#started = this.#start();
    try {
      await this.#started;
    } catch (error) {
      // A start that was cut short by a stop may well fail; the stop reports how that went.
      if (this.#phase === 'stopping') return;
      this.#log.fatal({ err: error }, 'start failed');
      await this.#stop(EXIT_FAILED);
      return;
    }
    if (this.#phase !== 'starting') return;
    this.#phase = 'running';
    this.#log.info({ metricsPort: this.#ops?.port }, 'started');
  }

  /** The ops server comes first: a service that loads models for a minute must answer its liveness probe. */
  async #start(): Promise<void> {
    const { name } = this.#options;
    const config = this.#config;
    const registry = createMetrics(name);
    await startTracing({
      service: name,
      otlpEndpoint: config.otelExporterOtlpEndpoint,
      sampleRatio: config.traceSampleRatio,
    });
    this.#ops = await startOps({
      port: config.metricsPort,
      host: config.metricsHost,
      registry,
      ready: () => (this.#phase === 'running' ? (this.#service?.ready() ?? 'starting') : this.#phase),
    });
    this.#service = await this.#options.create(config, {
      log: this.#log,
      registry,
      signal: this.#abort.signal,
    });
    await this.#service.start();
  }

  #listen(): void {
    for (const [name, code] of Object.entries(SIGNALS)) {
      this.#host.on(name, () => {
        if (this.#phase === 'stopping') return this.#host.exit(code);
        this.#log.info({ signal: name }, 'stopping');
        void this.#stop(0);
      });
    }
    // A supervisor that forked this process is gone, however it ended: do not stay behind as an orphan.
    this.#host.on('disconnect', () => {
      if (this.#phase !== 'stopping') void this.#stop(0);
    });
    // Unhandled rejections end here too. The state is unknown: no orderly stop, the queue re-runs what is lost.
    this.#host.on('uncaughtException', (error: Error) => {
      this.#log.fatal({ err: error }, 'crashed');
      this.#host.exit(EXIT_FAILED);
    });
  }

  async #stop(exitCode: number): Promise<void> {
    this.#phase = 'stopping';
    this.#abort.abort();
    try {
      await withTimeout(this.#close(), this.#config.stopTimeoutMs, () => new Error('stop took too long'));
      this.#log.info('stopped');
    } catch (error) {
      this.#log.error({ err: error }, 'stop failed');
      exitCode = EXIT_FAILED;
    }
    this.#host.exit(exitCode);
  }

  /** In order: the start if it is still under way, the service, its last spans, its last metrics. */
  async #close(): Promise<void> {
    await this.#started?.catch(() => {});
    try {
      await this.#service?.stop();
    } finally {
      await stopTracing();
      await this.#ops?.close();
    }
  }
}
