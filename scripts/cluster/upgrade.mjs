// Another version of the chart, and back again, under a steady load: every pod is replaced twice, and no call may fail.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../lib/run.mjs';
import { CHART, install, ready, VALUES } from './install.mjs';
import { OpenLoop } from './open-loop.mjs';

const CALM_MS = 8_000;

/** `{cluster, namespace, gatewayUrl, say, perSecond?}`; gives `{faults, facts}`. */
export async function upgrade({ cluster, namespace, gatewayUrl, say, perSecond = 50 }) {
  const load = new OpenLoop({ gatewayUrl, perSecond }).start();
  const facts = {};
  const faults = [];
  const measure = async (name, run) => {
    const from = performance.now();
    await run();
    await ready(cluster, namespace);
    await sleep(CALM_MS);
    const { calls, faults: failed, p99 } = load.since(from);
    facts[name] = { calls, failed: failed.length, p99, seconds: Math.round((performance.now() - from) / 1000) }; // prettier-ignore
    say(`${name}: ${calls} calls, ${failed.length} failed, p99 ${p99} ms`);
    faults.push(...failed.map((fault) => `${name}: ${fault}`));
  };
  const { chart, remove } = otherVersion();
  try {
    await sleep(3_000);
    await measure('upgrade', () => install(cluster, namespace, { ...VALUES, logLevel: 'warn' }, { chart }));
    await measure('rollback', () => cluster.helm(['rollback', 'frontier', '-n', namespace, '--timeout', '10m'], { timeoutMs: 600_000 })); // prettier-ignore
  } finally {
    await load.stop();
    remove();
  }
  return { faults, facts };
}

/** A copy of the chart with a higher version. */
function otherVersion() {
  const folder = mkdtempSync(join(tmpdir(), 'frontier-chart-'));
  const chart = join(folder, 'frontier');
  cpSync(CHART, chart, { recursive: true });
  const file = join(chart, 'Chart.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^version: .*$/m, 'version: 99.0.0'));
  return { chart, remove: () => rmSync(folder, { recursive: true }) };
}
