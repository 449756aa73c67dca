// What `npm run canary:simulate` understands.
import { parseArgs } from 'node:util';

export const HELP = `npm run canary:simulate -- [options]

Simulates rollouts under a policy: eight traffics with a canary that is the same as stable, six with one that is worse.

  --policy <file>   JSON with the fields of a rollout policy that differ from the defaults
  --runs <n>        rollouts of each scenario (200)
  --quick           as many as 35 s allow
  --seed <n>        whole number (1)
  --svg <file>      when they ended, as a plot (reports/canary-simulation.svg)
  --json            the last line is one JSON object

Exit code 0: done; 1: failed; 2: wrong arguments or policy. docs/canary.md explains the table.`;

/** Wrong arguments: exit code 2. */
export class UsageError extends Error {}

const OPTIONS = {
  policy: { type: 'string' },
  runs: { type: 'string' },
  seed: { type: 'string' },
  svg: { type: 'string' },
  quick: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
};
const MAX_RUNS = 1_000_000;
const QUICK_MS = 35_000;

/** `{policy?, runs, limitMs, seed, svg, json}`, or `{help: true}`. Throws UsageError. */
export function readArguments(argv) {
  const { help, policy, quick = false, json = false, ...values } = parsed(argv);
  if (help) return { help };
  if (quick && values.runs !== undefined) throw new UsageError('--quick and --runs exclude each other');
  return {
    policy,
    runs: quick ? MAX_RUNS : whole('runs', values.runs ?? '200', 1, MAX_RUNS),
    limitMs: quick ? QUICK_MS : Infinity,
    seed: whole('seed', values.seed ?? '1', 0, 2 ** 31),
    svg: values.svg ?? 'reports/canary-simulation.svg',
    json,
  };
}

function parsed(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(error.message, { cause: error });
  }
}

function whole(name, text, least, most) {
  const n = Number(text);
  if (!Number.isInteger(n) || n < least || n > most)
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}`);
  return n;
}
