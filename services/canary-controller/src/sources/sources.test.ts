import { MetricsFault, type MetricsSource } from '@frontier/contracts/rollout';
import { FakePrometheus } from '../testing/fake-prometheus.ts';
import { epochSeries, pageOf, serve, seriesOf, type Series, type TestServer } from '../testing/pages.ts';
import { DirectSource } from './direct.ts';
import { PrometheusSource } from './prometheus.ts';
import { EPOCH } from './samples.ts';

const signal = new AbortController().signal;

const canary = (change: Partial<Parameters<typeof seriesOf>[1]> = {}) =>
  seriesOf('r1', {
    variant: 'canary',
    assigned: 12,
    latency: { '0.1': 7, '0.25': 9, '+Inf': 10 },
    ...change,
  });
const control = seriesOf('r1', { variant: 'control', assigned: 11, errors: { TIMEOUT: 0 }, latency: { '0.1': 8, '0.25': 11, '+Inf': 11 } }); // prettier-ignore

/** What a gateway exports: with series of a rollout there is always the epoch of its record. */
function whole(series: readonly Series[]): Series[] {
  const isWhole = series.length === 0 || series.some(({ name }) => name === EPOCH);
  return isWhole ? [...series] : [...series, epochSeries(1)];
}

async function faultOf(source: MetricsSource): Promise<string> {
  const outcome = await source.scrape('m', 'r1', signal).catch((error: unknown) => error);
  return outcome instanceof MetricsFault ? outcome.reason : JSON.stringify(outcome);
}

/** A world of gateways, seen through one adapter. */
interface World {
  source: MetricsSource;
  /** What each gateway exports now. */
  set(...gateways: Series[][]): void;
  /** Nothing is answered; or nobody is there. */
  hang(): void;
  gone(): Promise<void>;
  garbage(): void;
  stop(): Promise<void>;
}

async function direct(): Promise<World> {
  const servers: TestServer[] = [await serve(undefined), await serve(undefined)];
  const targets = servers.map(({ port }) => `127.0.0.1:${port}`);
  const stop = async () => void (await Promise.all(servers.map((server) => server.stop())));
  return {
    source: new DirectSource({ targets, timeoutMs: 1_500 }),
    set: (...gateways) =>
      servers.forEach((server, i) => (server.answer = () => ({ body: pageOf(whole(gateways[i] ?? [])) }))),
    hang: () => servers.forEach((server) => (server.answer = undefined)),
    garbage: () => servers.forEach((server) => (server.answer = () => ({ body: 'canary_requests_total{' }))),
    gone: stop,
    stop,
  };
}

async function prometheus(release: 2 | 3 = 3): Promise<World & { fake: FakePrometheus }> {
  const fake = new FakePrometheus(release);
  const url = await fake.start();
  return {
    fake,
    source: new PrometheusSource({ url, timeoutMs: 1_500, staleMs: 10_000 }),
    set: (...gateways) => {
      fake.stored = [];
      gateways.forEach((series, i) => fake.ingest(`10.0.0.${i}:9464`, whole(series), fake.now - i));
    },
    hang: () => fake.hang(),
    garbage: () => fake.answerWith(200, '{"status":"success"'),
    gone: () => fake.stop(),
    stop: () => fake.stop(),
  };
}

describe.each([
  ['direct', direct],
  ['Prometheus', prometheus],
  ['Prometheus 2', () => prometheus(2)],
] as const)('metrics from %s', (_, open) => {
  let world: World;
  beforeEach(async () => void (world = await open()));
  afterEach(() => world.stop());

  it('gives the integers of each stratum, over all versions and error types of a variant', async () => {
    const served = canary({ errors: { TIMEOUT: 1, INTERNAL_ERROR: 2 } });
    const later = canary({ version: '2', assigned: 12, latency: { '0.1': 1, '0.25': 1, '+Inf': 2 } }).slice(
      1,
    );
    world.set([...served, ...later, ...control, epochSeries(17)]);
    const { bounds, epochs, readings } = await world.source.scrape('m', 'r1', signal);
    expect(bounds).toEqual([0.1, 0.25]);
    expect(Object.values(epochs)).toEqual([17]);
    expect(readings.map(({ instance: _instance, ...rest }) => rest)).toEqual([
      { priority: 'standard', pool: 'cpu', variant: 'canary', half: 'a', counters: { assigned: 12, ended: 12, errors: 3, latency: [8, 10, 12] } }, // prettier-ignore
      { priority: 'standard', pool: 'cpu', variant: 'control', half: 'a', counters: { assigned: 11, ended: 11, errors: 0, latency: [8, 11, 11] } }, // prettier-ignore
    ]);
  });

  it('keeps gateways and halves apart', async () => {
    world.set([...canary(), ...canary({ half: 'b' })], canary());
    const { readings } = await world.source.scrape('m', 'r1', signal);
    expect(readings).toHaveLength(3);
    expect(new Set(readings.map(({ instance, half }) => `${instance} ${half}`)).size).toBe(3);
  });

  it('leaves out where a gateway has counted nothing, unless it has not counted anywhere', async () => {
    const none = { assigned: 0, latency: { '0.1': 0, '0.25': 0, '+Inf': 0 } };
    const both = (side: Parameters<typeof canary>[0]) => [...canary(side), ...canary({ half: 'b', ...none })];
    world.set(both({}), both(none));
    const { readings } = await world.source.scrape('m', 'r1', signal);
    const busy = readings.find(({ counters }) => counters.assigned > 0)?.instance;
    expect(
      readings.map(({ instance, half }) => `${instance === busy ? 'busy' : 'idle'} ${half}`).sort(),
    ).toEqual(['busy a', 'idle a', 'idle b']);
  });

  it('gives counters after a reset as they are', async () => {
    world.set(canary());
    await world.source.scrape('m', 'r1', signal);
    world.set(canary({ assigned: 1, latency: { '0.1': 1, '0.25': 1, '+Inf': 1 } }));
    const { readings } = await world.source.scrape('m', 'r1', signal);
    expect(readings[0]?.counters).toEqual({ assigned: 1, ended: 1, errors: 0, latency: [1, 1, 1] });
  });

  it('names the features of the model that drift, each once, and says nothing where none does', async () => {
    const alarm = (feature: string, value: number, model = 'm') => ({ name: 'drift_alarm', labels: { model, version: '2', feature }, value }); // prettier-ignore
    world.set(
      [...canary(), alarm('out.score', 1), alarm('in.text.bytes', 1), alarm('in.a', 0)],
      [...canary(), alarm('out.score', 1), alarm('in.b', 1, 'another')],
    );
    expect((await world.source.scrape('m', 'r1', signal)).drift).toEqual(['2 in.text.bytes', '2 out.score']);
    world.set([...canary(), alarm('out.score', 0)]);
    expect('drift' in (await world.source.scrape('m', 'r1', signal))).toBe(false);
  });

  it('has nothing to say about another rollout', async () => {
    world.set(seriesOf('r0', { variant: 'canary', assigned: 3, latency: { '+Inf': 3 } }), [epochSeries(1)]);
    expect(await faultOf(world.source)).toBe('empty');
  });

  it('takes the name of a rollout as it is', async () => {
    world.set(seriesOf('r21', { variant: 'canary', assigned: 3, latency: { '+Inf': 3 } }));
    const outcome = world.source.scrape('m', 'r.1', signal);
    await expect(outcome).rejects.toMatchObject({ reason: 'empty' });
    world.set(seriesOf('r.1', { variant: 'canary', assigned: 3, latency: { '+Inf': 3 } }));
    expect((await world.source.scrape('m', 'r.1', signal)).readings).toHaveLength(1);
  });

  it('refuses two series where one is expected', async () => {
    const twin = { ...(canary()[0] as Series), labels: { ...(canary()[0] as Series).labels, shard: '1' } };
    world.set([...canary(), twin]);
    expect(await faultOf(world.source)).toBe('ambiguous');
  });

  it.each([
    ['a fraction of a request', canary({ assigned: 1.5 })],
    ['fewer than none', canary({ assigned: -1 })],
    ['no number', canary({ assigned: Number.NaN })],
    ['buckets that fall', canary({ latency: { '0.1': 7, '0.25': 3, '+Inf': 10 } })],
    ['no last bucket', canary({ latency: { '0.1': 7 } })],
    ['a variant that is none', canary({ variant: 'winner' })],
    ['histograms of different bounds', [...canary(), ...seriesOf('r1', { variant: 'control', assigned: 1, latency: { '0.5': 1, '+Inf': 1 } })]], // prettier-ignore
  ])('refuses %s', async (_name, series) => {
    world.set(series);
    expect(await faultOf(world.source)).toBe('malformed');
  });

  it('refuses what it cannot read', async () => {
    world.garbage();
    expect(await faultOf(world.source)).toBe('malformed');
  });

  it('gives up when there is no answer in time', async () => {
    world.hang();
    expect(await faultOf(world.source)).toBe('unreachable');
  });

  it('says so when nobody is there', async () => {
    await world.gone();
    expect(await faultOf(world.source)).toBe('unreachable');
  });
});

describe('a Prometheus', () => {
  let world: Awaited<ReturnType<typeof prometheus>>;
  beforeEach(async () => void (world = await prometheus()));
  afterEach(() => world.stop());

  it('is judged by its own clock, however far it is from ours', async () => {
    world.fake.now = 4_000_000_000_000;
    world.set(canary());
    expect((await world.source.scrape('m', 'r1', signal)).at).toBe(4_000_000_000_000);
  });

  it('says nothing when its newest sample is old', async () => {
    world.set(canary());
    world.fake.now += 10_001;
    expect(await faultOf(world.source)).toBe('stale');
  });

  it('leaves out a gateway that it has lost, and takes the others', async () => {
    world.fake.ingest('a', whole(canary()), world.fake.now - 11_000);
    world.fake.ingest('b', whole(canary()));
    const { readings } = await world.source.scrape('m', 'r1', signal);
    expect(readings.map(({ instance }) => instance)).toEqual(['b']);
  });

  it('takes all series of a gateway at one moment', async () => {
    world.fake.ingest(
      'a',
      whole([...canary(), ...canary({ version: '0' }).slice(1)]),
      world.fake.now - 1_000,
    );
    world.fake.ingest('a', whole(canary({ assigned: 20 })));
    const { at, readings } = await world.source.scrape('m', 'r1', signal);
    expect(at).toBe(world.fake.now);
    expect(readings[0]?.counters).toMatchObject({ assigned: 20, ended: 10 });
  });

  it('is refused when two jobs scrape one gateway, also at different moments', async () => {
    world.fake.ingest('a', whole(canary()), world.fake.now - 300, 'gateways');
    world.fake.ingest('a', whole(canary()));
    expect(await faultOf(world.source)).toBe('ambiguous');
  });

  it('is refused when its answer is not whole', async () => {
    world.set(canary());
    world.fake.warnings = ['a store is away'];
    expect(await faultOf(world.source)).toBe('malformed');
  });

  it('gives one raw sample of each series, however often it has scraped', async () => {
    const series = whole([...canary(), ...control]);
    for (let ago = 5; ago >= 0; ago -= 1) {
      for (const gateway of ['a', 'b']) world.fake.ingest(gateway, series, world.fake.now - ago * 1_000);
    }
    await world.source.scrape('m', 'r1', signal);
    const [epochs, ...others] = world.fake.asked;
    expect(epochs).toEqual({ query: 'canary_traffic_epoch{model="m"}[40s]', samples: 12 });
    expect(others).toHaveLength(2);
    for (const { query, samples } of others) {
      expect(query).toMatch(/^\{.*\}\[1ms\]$/);
      expect(samples).toBe(series.length - 1);
    }
  });

  it('that fails is not reached', async () => {
    world.fake.answerWith(503, 'starting');
    expect(await faultOf(world.source)).toBe('unreachable');
  });
});

describe('gateways that are read directly', () => {
  it('go on without one that is gone', async () => {
    const alive = await serve(() => ({ body: pageOf(canary()) }));
    const source = new DirectSource({
      targets: [`127.0.0.1:1`, `localhost:${alive.port}`],
      timeoutMs: 1_500,
    });
    const { readings } = await source.scrape('m', 'r1', signal);
    expect(readings.map(({ instance }) => instance)).toEqual([`127.0.0.1:${alive.port}`]);
    await alive.stop();
  });
});
