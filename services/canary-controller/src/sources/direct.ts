import { lookup } from 'node:dns/promises';
import { MetricsFault, type MetricsSource, type Scrape } from '@frontier/contracts/rollout';
import { withTimeout } from '@frontier/kit/abort';
import { getText } from './http.ts';
import { parseMetrics } from './open-metrics.ts';
import { ASSIGNED, DRIFT, ENDED, EPOCH, ERRORS, LATENCY, scrapeOf, type Sample } from './samples.ts';

const MAX_PAGE_BYTES = 16 * 1024 * 1024;
/** Gateways at most: more want a Prometheus. */
const MAX_INSTANCES = 100;
const WANTED = new Set([ASSIGNED, ENDED, ERRORS, LATENCY, EPOCH, DRIFT]);
const OF_MODEL = new Set([EPOCH, DRIFT]);

export interface DirectOptions {
  /** `host:port` of metrics listeners; a host may stand for several addresses, each a gateway. */
  targets: readonly string[];
  timeoutMs: number;
}

/**
 * Reads the gateways' own pages, where no Prometheus runs. A gateway that does not answer is left out, as one that has
 * gone: what it counted meanwhile is in its next page.
 */
export class DirectSource implements MetricsSource {
  readonly #options: DirectOptions;

  constructor(options: DirectOptions) {
    this.#options = options;
  }

  async scrape(model: string, rollout: string, signal: AbortSignal): Promise<Scrape> {
    const instances = await this.#instances();
    const at = Date.now();
    const pages = await Promise.allSettled(
      instances.map((instance) => this.#read(instance, model, rollout, signal)),
    );
    const read = pages.flatMap((page) => (page.status === 'fulfilled' ? [page.value] : []));
    const failed = pages.find((page) => page.status === 'rejected');
    // A page that is wrong is no page that is missing: nothing can be concluded from the rest.
    const wrong = pages.find((page) => page.status === 'rejected' && faultOf(page.reason) !== 'unreachable');
    if (wrong?.status === 'rejected') throw wrong.reason as Error;
    if (read.length === 0 && failed?.status === 'rejected') throw failed.reason as Error;
    return scrapeOf(read.flat(), at);
  }

  async #instances(): Promise<string[]> {
    const resolved = await Promise.allSettled(this.#options.targets.map((target) => this.#resolve(target)));
    const found = new Set(resolved.flatMap((one) => (one.status === 'fulfilled' ? one.value : [])));
    if (found.size === 0) {
      throw new MetricsFault('unreachable', `no address for ${this.#options.targets.join(', ')}`);
    }
    if (found.size > MAX_INSTANCES) {
      throw new MetricsFault('malformed', `${found.size} gateways: over ${MAX_INSTANCES}, use Prometheus`);
    }
    return [...found].sort();
  }

  async #resolve(target: string): Promise<string[]> {
    const colon = target.lastIndexOf(':');
    const late = () => new MetricsFault('unreachable', `no address for ${target}`);
    const addresses = await withTimeout(
      lookup(target.slice(0, colon), { all: true }),
      this.#options.timeoutMs,
      late,
    );
    const port = target.slice(colon + 1);
    return addresses.map(({ address, family }) => `${family === 6 ? `[${address}]` : address}:${port}`);
  }

  async #read(instance: string, model: string, rollout: string, signal: AbortSignal): Promise<Sample[]> {
    const { timeoutMs } = this.#options;
    const text = await getText(new URL(`http://${instance}/metrics`), { signal, timeoutMs, limit: MAX_PAGE_BYTES }); // prettier-ignore
    return parseMetrics(text, WANTED)
      .filter(
        ({ name, labels }) =>
          labels['model'] === model && (OF_MODEL.has(name) || labels['rollout'] === rollout),
      ) // prettier-ignore
      .map((sample) => ({ ...sample, labels: { ...sample.labels, instance } }));
  }
}

function faultOf(error: unknown): string | undefined {
  return error instanceof MetricsFault ? error.reason : undefined;
}
