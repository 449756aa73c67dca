import type { InferenceQueue, TokenRelay } from '@frontier/contracts/ports';
import type { TenantResolver } from '@frontier/contracts/tenant';
import { sleep } from '@frontier/kit/abort';
import type { Service } from '@frontier/kit/lifecycle';
import type { Logger } from '@frontier/kit/logger';
import type { Catalogue } from '@frontier/model-store/catalogue';
import { InferenceServer } from '@frontier/rpc/inference-server';
import type { Registry } from 'prom-client';
import type { Config } from './config.ts';
import { GrpcService } from './grpc/service.ts';
import { HttpServer } from './http/server.ts';
import { gatewayMetrics } from './metrics.ts';
import { Observer } from './observer.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { Presence } from './streams/presence.ts';
import { Streams } from './streams/streams.ts';

export interface GatewayDeps {
  queue: InferenceQueue;
  relay: TokenRelay;
  tenants: TenantResolver;
  catalogue: Catalogue;
  log: Logger;
  registry: Registry;
}

/** The callers' side of the installation: HTTP and gRPC in front of the queue. */
export class Gateway implements Service {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #presence: Presence;
  readonly #http: HttpServer;
  readonly #grpc: InferenceServer;
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  /** The ports that were taken; 0 before the start. */
  ports = { http: 0, grpc: 0 };

  constructor(config: Config, deps: GatewayDeps) {
    const { queue, relay, tenants, catalogue, log, registry } = deps;
    const metrics = gatewayMetrics(registry);
    const observer = new Observer(metrics, log, config);
    const pipeline = new Pipeline(
      { queue, relay, tenants, catalogue, metrics },
      { ...config, policies: config.queues },
    );
    const presence = new Presence(config.streamGraceMs);
    const streams = new Streams({ pipeline, queue, relay, catalogue, presence });
    const shared = { pipeline, streams, metrics, observer };
    this.#config = config;
    this.#log = log;
    this.#presence = presence;
    this.#http = new HttpServer(config, {
      ...shared,
      config,
      queue,
      catalogue,
      ready: () => this.ready(),
      draining: () => this.#state === 'draining',
    });
    this.#grpc = new InferenceServer(
      {
        host: config.host,
        port: config.grpcPort,
        maxMessageBytes: config.grpcMaxMessageBytes,
        maxStreams: config.grpcMaxStreams,
        reflection: config.grpcReflection ?? config.nodeEnv !== 'production',
        slowReaderMs: config.slowReaderMs,
      },
      new GrpcService({ ...shared, trustTenantHeader: config.trustTenantHeader }),
    );
  }

  async start(): Promise<void> {
    const [http, grpc] = await Promise.all([this.#http.start(), this.#grpc.start()]);
    this.ports = { http, grpc };
    this.#state = 'ready';
    this.#log.info({ http, grpc }, 'listening');
  }

  ready(): true | string {
    return this.#state === 'ready' || this.#state;
  }

  /**
   * For a moment all goes on, but each client is asked to come back elsewhere: one that has a connection open would
   * see it break under its next request. Then clients of open streams are told to resume elsewhere, answers under way
   * may end, and connections are cut.
   */
  async stop(): Promise<void> {
    this.#state = 'draining';
    const { noticeMs, drainMs } = this.#config;
    await sleep(noticeMs);
    this.#presence.stop();
    await Promise.all([this.#http.stop(drainMs), this.#grpc.stop(drainMs)]);
  }
}
