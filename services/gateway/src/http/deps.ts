import type { Catalogue } from '@frontier/model-store/catalogue';
import type { InferenceQueue } from '@frontier/contracts/ports';
import type { GatewayMetrics } from '../metrics.ts';
import type { Observer } from '../observer.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Router } from '../traffic/router.ts';
import type { Streams } from '../streams/streams.ts';

export interface HttpConfig {
  maxBodyBytes: number;
  trustTenantHeader: boolean;
  heartbeatMs: number;
  slowReaderMs: number;
}

/** What the HTTP side works with. */
export interface HttpDeps {
  config: HttpConfig;
  pipeline: Pipeline;
  streams: Streams;
  queue: InferenceQueue;
  catalogue: Catalogue;
  router: Router;
  metrics: GatewayMetrics;
  observer: Observer;
  ready: () => true | string;
  draining: () => boolean;
}
