import type { Metric, Registry } from 'prom-client';

/*
 * Counters and histograms whose children are plain objects that a caller keeps. prom-client looks every update up by
 * a hash of its labels; at a dozen updates a request that was a tenth of the gateway's time.
 */

type Labels = Record<string, string>;

/** One line of a metric; `metricName` where it is not the metric's own. */
interface Series {
  metricName?: string;
  labels: Labels;
  value: number;
}

export interface LocalMetricOptions {
  name: string;
  help: string;
  labelNames: readonly string[];
}

/** The children of one metric by their label values, in the form in which a registry asks for metrics. */
abstract class LocalMetric<Child> {
  /** Not read-only: a registry of the OpenMetrics format takes the `_total` off a counter's name. */
  name: string;
  readonly help: string;
  abstract readonly type: 'counter' | 'histogram';
  readonly aggregator = 'sum';
  readonly labelNames: readonly string[];
  readonly #children = new Map<string, { labels: Labels; child: Child }>();

  constructor(registry: Registry, { name, help, labelNames }: LocalMetricOptions) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    registry.registerMetric(this as unknown as Metric);
  }

  /** The child of these label values, in the order of the label names. */
  of(...values: string[]): Child {
    const key = values.length === 1 ? (values[0] as string) : values.join('\n');
    const known = this.#children.get(key);
    if (known) return known.child;
    const child = this.create();
    const labels = Object.fromEntries(this.labelNames.map((name, i) => [name, values[i] ?? '']));
    this.#children.set(key, { labels, child });
    return child;
  }

  /** Removes the children with these labels; who still has one of them counts in vain. */
  remove(labels: Labels): void {
    const wanted = Object.entries(labels);
    for (const [key, child] of this.#children) {
      if (wanted.every(([name, value]) => child.labels[name] === value)) this.#children.delete(key);
    }
  }

  /** What a registry reads. */
  async get(): Promise<{
    name: string;
    help: string;
    type: string;
    aggregator: string;
    values: Series[];
  }> {
    const { name, help, type, aggregator } = this;
    const values = [...this.#children.values()].flatMap(({ labels, child }) => this.valuesOf(child, labels));
    return { name, help, type, aggregator, values };
  }

  protected abstract create(): Child;
  protected abstract valuesOf(child: Child, labels: Labels): Series[];
}

/** A child of a counter. */
export interface Count {
  value: number;
}

export class LocalCounter extends LocalMetric<Count> {
  readonly type = 'counter';

  protected create(): Count {
    return { value: 0 };
  }

  protected valuesOf({ value }: Count, labels: Labels): Series[] {
    return [{ value, labels }];
  }
}

/** A child of a histogram. */
export class Distribution {
  readonly bounds: readonly number[];
  /** Of each bucket alone; the last one is over all bounds. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** Gives the upper bound of the bucket that the value fell into. */
  observe(value: number): string {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= (this.bounds[middle] as number)) high = middle;
      else low = middle + 1;
    }
    this.counts[low] = (this.counts[low] as number) + 1;
    this.sum += value;
    return this.boundOf(low);
  }

  /** As Prometheus writes it. */
  boundOf(bucket: number): string {
    return bucket < this.bounds.length ? String(this.bounds[bucket]) : '+Inf';
  }
}

export class LocalHistogram extends LocalMetric<Distribution> {
  readonly type = 'histogram';
  readonly #bounds: readonly number[];

  /** `bounds`: upper bounds of the buckets, ascending. */
  constructor(registry: Registry, options: LocalMetricOptions & { bounds: readonly number[] }) {
    super(registry, options);
    this.#bounds = options.bounds;
  }

  protected create(): Distribution {
    return new Distribution(this.#bounds);
  }

  protected valuesOf(child: Distribution, labels: Labels): Series[] {
    const { counts, sum } = child;
    let count = 0;
    const buckets = counts.map((own, i) => {
      count += own;
      const le = child.boundOf(i);
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }
}
