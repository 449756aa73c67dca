// The table on the screen and the facts without which numbers mean nothing.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import os from 'node:os';
import { root } from '../lib/run.mjs';

const require = createRequire(import.meta.url);

export function machineFacts() {
  const version = (name) => require(`${name}/package.json`).version;
  return {
    cpu: os.cpus()[0]?.model.trim(),
    cores: os.availableParallelism(),
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    platform: `${os.type()} ${os.release()} ${os.arch()}`,
    loadAverage: os.loadavg().map((load) => Math.round(load * 100) / 100),
    node: process.version,
    bullmq: version('bullmq'),
    grpc: version('@grpc/grpc-js'),
    onnxruntime: version('onnxruntime-node'),
    commit: commit(),
  };
}

function commit() {
  try {
    const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') ? '+changes' : '');
  } catch {
    return undefined;
  }
}

const COLUMNS = [
  ['scenario', 22, (row) => row.scenario],
  ['offered', 14, (row) => row.offered],
  ['answers/s', 9, (row) => fixed(row.rate, 0)],
  ['p50', 7, (row) => fixed(row.p50, 1)],
  ['p95', 7, (row) => fixed(row.p95, 1)],
  ['p99', 7, (row) => fixed(row.p99, 1)],
  ['failed', 6, (row) => `${row.failed}`],
  ['batch', 6, (row) => fixed(row.meanBatch, 1)],
  ['of bare', 7, (row) => fixed(row.ratio, 2)],
  ['gw', 5, (row) => cpu(row, 'gateway')],
  ['disp', 5, (row) => cpu(row, 'dispatcher')],
  ['work', 6, (row) => cpu(row, 'worker')],
  ['redis', 5, (row) => cpu(row, 'redis')],
  ['gen', 5, (row) => cpu(row, 'generator')],
  ['goals', 0, (row) => row.goals.map(goalText).join(', ')],
];

const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '');
const cpu = (row, name) => (row.cpuUs?.[name] === undefined ? '' : `${row.cpuUs[name]}`);

function goalText({ column, atMost, atLeast, met }) {
  return `${met ? '✓' : '✗'} ${column} ${atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`}`;
}

const line = (cells) =>
  cells.map((cell, i) => (i < 2 ? cell.padEnd(COLUMNS[i][1]) : cell.padStart(COLUMNS[i][1]))).join(' ');

export const tableHead = () =>
  `${line(COLUMNS.map(([name]) => name))}\n(p50 to p99 in ms, of streams to the first token; answers/s of streams are tokens/s; gw to gen: µs of CPU an answer)`;

export function tableLine(row) {
  const noise = row.foreignCores > 0.1 ? `  (${row.foreignCores} cores were used by others)` : '';
  const errors = row.failed > 0 ? `  ${JSON.stringify(row.errors)}` : '';
  return line(COLUMNS.map(([, , text]) => text(row))) + noise + errors;
}
