// What `npm run dlq` understands.
import { parseArgs } from 'node:util';

export const HELP = `npm run dlq -- <command>

  list    [filter] [--limit 100]                     dead letters, by kind of failure, then oldest first
  show    <id>                                       all that is known of one
  redrive <id>     [--timeout 900]                   runs it again as a new request; prints the id to poll
  redrive <filter> [--limit 100] [--timeout 900]     those that match, until the queue refuses one
  purge   <id>                                       deletes it
  purge   <filter> --yes                             deletes those that match

filter: --kind transient|deadline|crash|permanent|unreadable   --model <name>   --tenant <name>
        --older-than <age>   --newer-than <age>      by when it died: 90s, 15m, 6h, 2d

  --timeout <seconds>   deadline of the new request, from now
  --limit <n>           letters at most; purge: all
  --dry-run             redrive and purge: only lists what would be done
  --json                one JSON object a line

Data go to stdout, messages to stderr. REDIS_URL, POOLS, SHARDS and QUEUES are those of the dispatcher
(docs/configuration.md).

Exit code 0: done; 1: failed, refused, or cannot be redriven; 2: wrong arguments; 3: no such dead letter;
78: wrong environment.`;

/** Wrong arguments: exit code 2. */
export class UsageError extends Error {}

const COMMANDS = ['list', 'show', 'redrive', 'purge'];
const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const FILTERS = ['kind', 'model', 'tenant', 'older-than', 'newer-than'];
/** What a command takes besides `--json`. */
const TAKES = {
  list: [...FILTERS, 'limit'],
  show: [],
  redrive: [...FILTERS, 'limit', 'timeout', 'dry-run'],
  purge: [...FILTERS, 'limit', 'yes', 'dry-run'],
};
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 100_000;
const MAX_TIMEOUT_S = 86_400;

const OPTIONS = {
  ...Object.fromEntries([...FILTERS, 'limit', 'timeout'].map((name) => [name, { type: 'string' }])),
  ...Object.fromEntries(['yes', 'dry-run', 'json', 'help'].map((name) => [name, { type: 'boolean' }])),
};

/**
 * `{command, id?, filter, limit, timeoutMs?, dryRun, json}`, or `{help: true}`. Throws UsageError.
 * `now`: Unix ms. Whether there is such a kind of failure is not checked here.
 */
export function readArguments(argv, now) {
  const { values, positionals } = parsed(argv);
  if (values.help) return { help: true };
  const [command, id, ...more] = positionals;
  if (!COMMANDS.includes(command)) throw new UsageError(`the command must be one of ${COMMANDS.join(', ')}`);
  if (more.length > 0) throw new UsageError(`too many arguments: ${more.join(' ')}`);
  for (const name of Object.keys(values)) {
    if (name !== 'json' && !TAKES[command].includes(name))
      throw new UsageError(`${command} takes no --${name}`);
  }
  checkTarget(command, id, values);
  return {
    command,
    id,
    filter: {
      kind: values.kind,
      model: values.model,
      tenant: values.tenant,
      before: timeOf('older-than', values, now),
      after: timeOf('newer-than', values, now),
    },
    limit: integer('limit', values.limit, MAX_LIMIT) ?? (command === 'purge' ? Infinity : DEFAULT_LIMIT),
    timeoutMs:
      values.timeout === undefined ? undefined : integer('timeout', values.timeout, MAX_TIMEOUT_S) * 1_000,
    dryRun: values['dry-run'] ?? false,
    json: values.json ?? false,
  };
}

/** One letter, or those of a filter: never all by an omission. */
function checkTarget(command, id, values) {
  const filters = FILTERS.filter((name) => values[name] !== undefined);
  if (command === 'list') {
    if (id) throw new UsageError(`list takes no id: npm run dlq -- show ${id}`);
    return;
  }
  if (command === 'show') {
    if (!id) throw new UsageError('show: which id?');
    return;
  }
  if (Boolean(id) === filters.length > 0) throw new UsageError(`${command}: either an id or a filter`);
  if (id && values.limit !== undefined) throw new UsageError('--limit goes with a filter');
  if (command === 'purge' && !id && !values.yes && !values['dry-run'])
    throw new UsageError('purge by filter deletes for good: add --yes, or look first with --dry-run');
}

function parsed(argv) {
  try {
    return parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
}

function integer(name, text, max) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > max) throw new UsageError(`--${name} must be 1 to ${max}`);
  return value;
}

/** When something of the age that an option names died, Unix ms. */
function timeOf(name, { [name]: text }, now) {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (!unit) throw new UsageError(`--${name} must be an age like 90s, 15m, 6h or 2d`);
  return now - Number(count) * UNITS[unit];
}
