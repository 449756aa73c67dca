import { serve, type Series, type TestServer } from './pages.ts';

interface Stored {
  metric: Record<string, string>;
  values: Array<[seconds: number, value: string]>;
}

/** As much of the HTTP API of Prometheus as the adapter uses, over samples that a test puts there. */
export class FakePrometheus {
  /** Unix ms by its own clock. */
  now = 1_790_000_000_000;
  stored: Stored[] = [];
  warnings: string[] = [];
  /** What was asked, without `time()`. */
  readonly queries: string[] = [];
  #server: TestServer | undefined;

  async start(): Promise<string> {
    this.#server = await serve((url) => this.#answer(url));
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  /** From now on no query is answered. */
  hang(): void {
    if (this.#server) this.#server.answer = () => undefined;
  }

  answerWith(status: number, body: string): void {
    if (this.#server) this.#server.answer = () => ({ status, body });
  }

  /** Stores what a scrape of a gateway brings. */
  ingest(instance: string, series: readonly Series[], at = this.now, job = 'gateway'): void {
    for (const { name, labels, value } of series) {
      const metric = { __name__: name, instance, job, ...labels };
      const key = JSON.stringify(metric);
      let stored = this.stored.find((one) => JSON.stringify(one.metric) === key);
      if (!stored) this.stored.push((stored = { metric, values: [] }));
      stored.values.push([at / 1000, String(value)]);
    }
  }

  #answer(url: URL): { body: string } {
    const query = url.searchParams.get('query') ?? '';
    if (query === 'time()') return success({ resultType: 'scalar', result: [this.now / 1000, `${this.now / 1000}`] }); // prettier-ignore
    this.queries.push(query);
    const at = Number(url.searchParams.get('time'));
    const range = Number(/\[(\d+)s\]$/.exec(query)?.[1]);
    const isAsked = ({ metric }: Stored) =>
      query.includes(metric['__name__'] as string) &&
      query.includes(`model="${metric['model']}"`) &&
      (metric['rollout'] === undefined) === !query.includes('rollout=') &&
      (metric['rollout'] === undefined || query.includes(`rollout="${metric['rollout']}"`));
    const result = this.stored.filter(isAsked).flatMap(({ metric, values }) => {
      const inside = values.filter(([time]) => time <= at && time > at - range);
      return inside.length > 0 ? [{ metric, values: inside }] : [];
    });
    return success({ resultType: 'matrix', result }, this.warnings);
  }
}

function success(data: object, warnings: readonly string[] = []): { body: string } {
  return { body: JSON.stringify({ status: 'success', data, ...(warnings.length > 0 && { warnings }) }) };
}
