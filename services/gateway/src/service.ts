import type { InferenceQueue, TokenRelay, TrafficView } from '@frontier/contracts/ports';
import type { TenantResolver } from '@frontier/contracts/tenant';
import type { ModelTraffic } from '@frontier/contracts/traffic';
import { sleep } from '@frontier/kit/abort';
import type { Service } from '@frontier/kit/lifecycle';
import type { Logger } from '@frontier/kit/logger';
import type { Catalogue } from '@frontier/model-store/catalogue';
import type { StoredModel } from '@frontier/model-store/repository';
import { InferenceServer } from '@frontier/rpc/inference-server';
import type { Registry } from 'prom-client';
import type { Config } from './config.ts';
import { DriftSampler } from './drift.ts';
import { GrpcService } from './grpc/service.ts';
import { HttpServer } from './http/server.ts';
import { gatewayMetrics } from './metrics.ts';
import { Observer } from './observer.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { Presence } from './streams/presence.ts';
import { Streams } from './streams/streams.ts';
import { ExperimentReports, type ExperimentSink } from './traffic/experiment-reports.ts';
import { trafficMetrics } from './traffic/metrics.ts';
import { Router } from './traffic/router.ts';
import { ShadowReports, type ShadowSink } from './traffic/shadow-reports.ts';
import { Shadows } from './traffic/shadows.ts';

export interface GatewayDeps {
  queue: InferenceQueue;
  relay: TokenRelay;
  tenants: TenantResolver;
  catalogue: Catalogue;
  traffic: TrafficView & ShadowSink & ExperimentSink;
  log: Logger;
  registry: Registry;
}

/** The callers' side of the installation: HTTP and gRPC in front of the queue. */
export class Gateway implements Service {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #presence: Presence;
  readonly #router: Router;
  readonly #reports: readonly [ShadowReports, ExperimentReports];
  readonly #drift: DriftSampler;
  readonly #http: HttpServer;
  readonly #grpc: InferenceServer;
  #state: 'starting' | 'ready' | 'draining' = 'starting';
  /** The ports that were taken; 0 before the start. */
  ports = { http: 0, grpc: 0 };

  constructor(config: Config, deps: GatewayDeps) {
    const { queue, relay, tenants, catalogue, traffic, log, registry } = deps;
    const metrics = gatewayMetrics(registry);
    const observer = new Observer(metrics, log, config);
    const forTraffic = trafficMetrics(registry);
    const placing = { policies: config.queues, pools: config.pools };
    const experiments = new ExperimentReports(traffic, log);
    const router = new Router({ traffic, catalogue, metrics: forTraffic, experiments, ...placing });
    const reports = new ShadowReports(forTraffic, traffic, log);
    const shadows = new Shadows({ queue, traffic, reports, ...placing, most: config.shadowInFlight, log });
    const { driftEvery: every, driftWindowMs: windowMs, driftMinSamples: minSamples } = config;
    const drift = new DriftSampler({ every, policy: { windowMs, minSamples }, registry, log });
    const pipeline = new Pipeline(
      { queue, relay, tenants, catalogue, router, shadows, drift, metrics },
      { ...config, policies: config.queues },
    );
    const presence = new Presence(config.streamGraceMs);
    const streams = new Streams({ pipeline, queue, relay, catalogue, presence });
    const shared = { pipeline, streams, metrics, observer };
    this.#config = config;
    this.#log = log;
    this.#presence = presence;
    this.#router = router;
    this.#reports = [reports, experiments];
    this.#drift = drift;
    this.#http = new HttpServer(config, {
      ...shared,
      config,
      queue,
      catalogue,
      router,
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
    for (const reports of this.#reports) reports.start();
    this.#state = 'ready';
    this.#log.info({ http, grpc }, 'listening');
  }

  /** A traffic record that is new here. */
  trafficChanged(record: ModelTraffic): void {
    this.#router.changed(record);
  }

  /** The models that there are now. */
  async modelsChanged(models: readonly StoredModel[]): Promise<void> {
    await this.#drift.watch(models);
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
    for (const reports of this.#reports) await reports.stop();
  }
}
