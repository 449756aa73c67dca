// What is measured. Each scenario adds rows to the table; goals are those that the project has set itself.
import { directionWorkload, mlpWorkload, recogniseWorkload, simpleWorkload } from './inputs.mjs';
import { round } from './load.mjs';

const latency = (p50, p95, p99) => ({
  p50: ['atMost', p50],
  p95: ['atMost', p95],
  p99: ['atMost', p99],
  failed: ['atMost', 0],
});
const atLeast = (column, bound) => ({ [column]: ['atLeast', bound], failed: ['atMost', 0] });

const PROMPTS = [
  'Once upon a time', 'One day, a little', 'There was a', 'The small dog', 'Tom and Anna', 'In the garden', 'A big red ball', 'It was a sunny day',
]; // prettier-ignore
const MAX_NEW_TOKENS = 96;

/** `simple` under one load: the model takes microseconds, so the latency is what the platform adds. */
function simple(protocol, load, goals, quick = false) {
  const offered = load.rate ? `${load.rate}/s` : `${load.inFlight} in flight`;
  return {
    name: `simple-${protocol}-${load.rate ? `open-${load.rate}` : `closed-${load.inFlight}`}`,
    quick,
    async run(harness) {
      const result = await harness.loadModel('simple', {
        protocol,
        workload: simpleWorkload(),
        load: { seed: 7, ...load },
      });
      if (protocol === 'http' && load.inFlight > 1) {
        const bare = await harness.bareHttp({ workload: simpleWorkload(), load: { seed: 7, ...load } });
        Object.assign(result, { bareHttp: bare, ratio: round(result.rate / bare.rate) });
      }
      harness.add({ scenario: this.name, model: 'simple', protocol, offered, ...result, goals });
    },
  };
}

/**
 * Work that the model dominates: rows a second as a share of bare ONNX Runtime, which runs right after it with the
 * same threads and the same rows in a run. The median of the rounds counts: a shared machine drifts.
 */
function compute({
  name,
  quick = true,
  model,
  protocol,
  inFlight,
  rows = 1,
  longer,
  workload,
  referenceRows,
  goals,
}) {
  return {
    name,
    quick,
    async run(harness) {
      const requests = await workload(harness);
      const rounds = [];
      for (let i = 0; i < harness.rounds; i++) {
        const result = await harness.loadModel(model, {
          protocol,
          workload: requests,
          longer,
          load: { inFlight },
        });
        const referenceBatch = referenceRows ?? Math.max(1, Math.round(result.meanBatch * rows));
        const reference = await harness.reference(model, referenceBatch);
        rounds.push({ ...result, referenceBatch, reference, ratio: round((result.rate * rows) / reference) });
      }
      rounds.sort((a, b) => a.ratio - b.ratio);
      const median = rounds[Math.floor(rounds.length / 2)];
      const ratios = rounds.map(({ ratio }) => ratio);
      const failed = rounds.reduce((sum, { failed: n }) => sum + n, 0);
      const offered = `${inFlight} in flight`;
      harness.add({ scenario: name, model, protocol, offered, rows, ...median, failed, ratios, goals });
    },
  };
}

const mlp = (rows) => (harness) =>
  mlpWorkload(rows, (data, count) =>
    harness.answers('mlp', { input: 'x', output: 'y', data, shape: [count, 256] }),
  );

const streams = {
  name: 'tiny-gpt',
  quick: true,
  async run(harness) {
    let texts = {};
    let alone;
    for (const count of [1, 8]) {
      const load = { count, prompts: PROMPTS, maxNewTokens: MAX_NEW_TOKENS, texts };
      const result = await harness.load({ load });
      texts = result.texts;
      delete result.texts;
      const reference = await harness.reference('tiny-gpt', count);
      const row = {
        scenario: `tiny-gpt-${count}`,
        model: 'tiny-gpt',
        protocol: 'sse',
        offered: count === 1 ? '1 stream' : `${count} streams`,
        ...result,
        p50: result.firstTokenMs.p50,
        p95: result.firstTokenMs.p95,
        rate: result.tokensPerS,
        reference,
        ratio: round(result.tokensPerS / reference),
      };
      alone ??= row;
      row.speedUp = round(row.tokensPerS / alone.tokensPerS);
      harness.add({
        ...row,
        goals: count === 1 ? {} : { ...atLeast('speedUp', 4), different: ['atMost', 0] },
      });
    }
  },
};

export const scenarios = [
  simple('http', { rate: 500 }, latency(2, 6, 10)),
  simple('http', { rate: 1000 }, latency(2.5, 8, 13), true),
  simple('http', { rate: 3000 }, latency(4, 10, 20), true),
  simple('grpc', { rate: 1000 }, {}),
  simple('http', { inFlight: 1 }, {}),
  simple('http', { inFlight: 64 }, {}),
  simple('http', { inFlight: 128 }, atLeast('rate', 8000), true),
  simple('http', { inFlight: 256 }, {}),
  simple('grpc', { inFlight: 128 }, atLeast('rate', 5000), true),
  compute({
    name: 'mlp-http-1',
    quick: false,
    model: 'mlp',
    protocol: 'http',
    inFlight: 128,
    workload: mlp(1),
    goals: {},
  }),
  compute({
    name: 'mlp-grpc-1',
    model: 'mlp',
    protocol: 'grpc',
    inFlight: 128,
    workload: mlp(1),
    goals: { ...atLeast('rate', 6000), meanBatch: ['atLeast', 16] },
  }),
  compute({
    name: 'mlp-grpc-32',
    model: 'mlp',
    protocol: 'grpc',
    inFlight: 16,
    rows: 32,
    referenceRows: 32,
    workload: mlp(32),
    goals: atLeast('ratio', 0.85),
  }),
  compute({
    name: 'text-direction',
    model: 'text-direction',
    protocol: 'grpc',
    inFlight: 128,
    workload: directionWorkload,
    goals: atLeast('ratio', 0.6),
  }),
  compute({
    name: 'ocr-recognise',
    model: 'ocr-recognise',
    protocol: 'grpc',
    inFlight: 32,
    // Its batches take long: a short window would hold a handful.
    longer: 2,
    workload: recogniseWorkload,
    goals: atLeast('ratio', 0.95),
  }),
  streams,
];
