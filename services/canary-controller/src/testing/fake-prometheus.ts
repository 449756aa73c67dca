import { serve, type Series, type TestServer } from './pages.ts';

interface Stored {
  metric: Record<string, string>;
  values: Array<[seconds: number, value: string]>;
}

interface Selector {
  matches: (metric: Record<string, string>) => boolean;
  rangeMs: number;
}

/** As much of the HTTP API of Prometheus as the adapter uses, over samples that a test puts there. */
export class FakePrometheus {
  /** Whether a range has its begin too, as before Prometheus 3. */
  readonly #closed: boolean;
  /** Unix ms by its own clock. */
  now = 1_790_000_000_000;
  stored: Stored[] = [];
  warnings: string[] = [];
  /** What was asked, without `time()`, and of how many samples the answer was. */
  readonly asked: Array<{ query: string; samples: number }> = [];
  #server: TestServer | undefined;

  constructor(release: 2 | 3) {
    this.#closed = release === 2;
  }

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
    const at = msOf(Number(url.searchParams.get('time')));
    const { matches, rangeMs } = selectorOf(query);
    const result = this.stored.flatMap(({ metric, values }) => {
      const inside = values.filter(([time]) => {
        const age = at - msOf(time);
        return age >= 0 && (age < rangeMs || (this.#closed && age === rangeMs));
      });
      return matches(metric) && inside.length > 0 ? [{ metric, values: inside }] : [];
    });
    this.asked.push({ query, samples: result.reduce((sum, { values }) => sum + values.length, 0) });
    return success({ resultType: 'matrix', result }, this.warnings);
  }
}

const msOf = (seconds: number) => Math.round(seconds * 1000);

const SELECTOR = /^(\w*)\{(.*)\}\[(\d+)(ms|s)\]$/s;
const MATCHER = /(\w+)(=~|=)("(?:[^"\\]|\\.)*")/g;

/** `name{label="text",label=~"pattern"}[range]`: patterns are anchored, and a label that is missing is empty. */
function selectorOf(query: string): Selector {
  const [, name = '', matchers = '', range, unit] = SELECTOR.exec(query) ?? [];
  if (range === undefined) throw new Error(`this fake does not understand ${query}`);
  const wanted = [...matchers.matchAll(MATCHER)].map(([, label = '', operator, quoted = '']) => {
    const text = JSON.parse(quoted) as string;
    const pattern = new RegExp(`^(?:${text})$`, 's');
    return (metric: Record<string, string>) =>
      operator === '=' ? (metric[label] ?? '') === text : pattern.test(metric[label] ?? '');
  });
  return {
    matches: (metric) => (name === '' || metric['__name__'] === name) && wanted.every((is) => is(metric)),
    rangeMs: Number(range) * (unit === 's' ? 1000 : 1),
  };
}

function success(data: object, warnings: readonly string[] = []): { body: string } {
  return { body: JSON.stringify({ status: 'success', data, ...(warnings.length > 0 && { warnings }) }) };
}
