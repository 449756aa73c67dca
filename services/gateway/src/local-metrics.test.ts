import { Counter, Histogram, Registry } from 'prom-client';
import { LocalCounter, LocalHistogram } from './local-metrics.ts';

const BOUNDS = [0.1, 0.5, 1];
const VALUES = [0.05, 0.1, 0.100001, 0.7, 1, 3];

describe.each([Registry.PROMETHEUS_CONTENT_TYPE, Registry.OPENMETRICS_CONTENT_TYPE])(
  'local metrics as %s',
  (format) => {
    it('read exactly as those of prom-client', async () => {
      const [theirs, ours] = [new Registry(), new Registry()];
      for (const registry of [theirs, ours]) registry.setContentType(format as never);
      const counter = new Counter({
        name: 'calls_total',
        help: 'Calls',
        labelNames: ['route', 'code'],
        registers: [theirs],
      });
      const histogram = new Histogram({
        name: 'call_seconds',
        help: 'Time',
        labelNames: ['route'],
        buckets: BOUNDS,
        registers: [theirs],
      });
      const localCounter = new LocalCounter(ours, {
        name: 'calls_total',
        help: 'Calls',
        labelNames: ['route', 'code'],
      });
      const localHistogram = new LocalHistogram(ours, {
        name: 'call_seconds',
        help: 'Time',
        labelNames: ['route'],
        bounds: BOUNDS,
      });
      for (const route of ['/a', '/b"c\n']) {
        counter.inc({ route, code: '200' }, 2);
        localCounter.of(route, '200').value += 2;
        for (const value of VALUES) {
          histogram.observe({ route }, value);
          localHistogram.of(route).observe(value);
        }
      }
      expect(await ours.metrics()).toBe(await theirs.metrics());
      // A second reading sees the same children.
      expect(await ours.metrics()).toBe(await theirs.metrics());
    });
  },
);

describe('removing', () => {
  it('takes the children with all of the labels, and no others', async () => {
    const registry = new Registry();
    const counter = new LocalCounter(registry, { name: 'c', help: 'C', labelNames: ['model', 'side'] });
    for (const model of ['m', 'n']) for (const side of ['a', 'b']) counter.of(model, side).value += 1;
    counter.remove({ model: 'm', side: 'a' });
    counter.remove({ side: 'x' });
    expect((await counter.get()).values.map(({ labels }) => Object.values(labels).join(''))).toEqual(['mb', 'na', 'nb']); // prettier-ignore
    // Another one of the same name begins anew.
    expect(counter.of('m', 'a').value).toBe(0);
  });
});
