import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sleep } from '@frontier/kit/abort';
import type { Service } from '@frontier/kit/lifecycle';
import type { Logger } from '@frontier/kit/logger';
import type { Registry } from 'prom-client';
import type { Config } from './config.ts';
import type { DeadLetterSource } from './dead-letters.ts';
import type { ExperimentSource } from './experiments.ts';
import { readGovernance } from './governance.ts';
import { createApp } from './http/app.ts';
import { Authenticator } from './keys/authenticator.ts';
import { bootstrap, ensureKey } from './keys/bootstrap.ts';
import { controlMetrics } from './metrics.ts';
import { auditRoutes } from './routes/audit.ts';
import { digestRoutes } from './routes/blocked-digests.ts';
import { deadLetterChanges, deadLetterRoutes } from './routes/dead-letters.ts';
import { experimentChanges, experimentRoutes } from './routes/experiments.ts';
import { gateRoutes } from './routes/gates.ts';
import { keyRoutes } from './routes/keys.ts';
import { commandRoutes } from './routes/rollout-commands.ts';
import { rolloutLogRoutes, rolloutRoutes } from './routes/rollouts.ts';
import { scanRoute } from './routes/scan.ts';
import { shadowRoutes } from './routes/shadows.ts';
import { versionRoutes } from './routes/versions.ts';
import type { Scanner } from './scanner.ts';
import type { Stores } from './stores.ts';
import type { TrafficSource } from './traffic.ts';

export interface ControlDeps {
  stores: Stores;
  /** Throws UNAVAILABLE while Redis is away. */
  traffic: () => Promise<TrafficSource>;
  deadLetters: () => Promise<DeadLetterSource>;
  experiments: () => Promise<ExperimentSource>;
  scanner: Scanner;
  pepper: string;
  log: Logger;
  registry: Registry;
}

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
};

/** The admin API on a listener of its own. */
export class ControlService implements Service {
  readonly #config: Config;
  readonly #deps: ControlDeps;
  readonly #server: Server;
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  /** The port that was taken; 0 before the start. */
  port = 0;

  constructor(config: Config, deps: ControlDeps) {
    const { stores, traffic, deadLetters, experiments, scanner, pepper, log, registry } = deps;
    const environment = config.controlEnvironment;
    const governance = () => readGovernance(config.governanceFolder);
    const routes = [
      ...versionRoutes(stores, governance, traffic),
      ...gateRoutes(stores.registry, governance),
      scanRoute(stores.registry, scanner, governance),
      ...shadowRoutes(stores, traffic),
      ...rolloutRoutes(stores, Date.now),
      ...rolloutLogRoutes(stores.rollouts),
      ...commandRoutes(stores, governance, Date.now),
      ...digestRoutes(stores.rollouts),
      ...experimentRoutes(experiments, Date.now),
      ...experimentChanges(stores, experiments, Date.now),
      ...deadLetterRoutes(deadLetters),
      ...deadLetterChanges(deadLetters, stores.audit),
      ...auditRoutes(stores.audit),
      ...keyRoutes(stores.keys, { environment, pepper }),
    ];
    const authenticator = new Authenticator({ keys: stores.keys, environment, pepper, log });
    this.#config = config;
    this.#deps = deps;
    this.#server = createServer(
      LIMITS,
      createApp(routes, {
        authenticator,
        // A look-up that finds nothing: the cheapest question there is.
        metrics: controlMetrics(registry, () => stores.keys.find('-')),
        log,
      }),
    );
    this.#server.maxConnections = config.controlMaxConnections;
  }

  /** Rejects when the port is taken or the policy files have faults. */
  async start(): Promise<void> {
    const {
      controlAdminKey: text,
      controlBootstrapKeyFile: file,
      controlEnvironment: environment,
      controlHost,
      controlPort,
    } = this.#config;
    const { stores, pepper, log } = this.#deps;
    await readGovernance(this.#config.governanceFolder);
    if (text !== undefined && (await ensureKey({ keys: stores.keys, environment, pepper, text }))) {
      log.info('made the admin key that was given');
    }
    if (file !== undefined && (await bootstrap({ keys: stores.keys, environment, pepper, file }))) {
      log.info({ file }, 'made the first admin key');
    }
    this.#server.listen(controlPort, controlHost);
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    this.#state = 'ready';
    log.info({ port: this.port }, 'listening');
  }

  ready(): true | string {
    return this.#state === 'ready' || this.#state;
  }

  async stop(): Promise<void> {
    this.#state = 'draining';
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    const abort = new AbortController();
    await Promise.race([closed, sleep(this.#config.controlDrainMs, abort.signal)]);
    abort.abort();
    this.#server.closeAllConnections();
    await closed;
  }
}
