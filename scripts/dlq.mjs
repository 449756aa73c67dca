// npm run dlq: looks at dead letters, redrives and deletes them. docs/dead-letters.md explains it.
import { HELP, readArguments, UsageError } from './dlq/arguments.mjs';
import { full, page, summary, tableHead, tableLine } from './dlq/format.mjs';
import { built } from './lib/built.mjs';

const EXIT = { ok: 0, failed: 1, usage: 2, unknown: 3, config: 78 };

const print = (line) => process.stdout.write(`${line}\n`);
const say = (line) => process.stderr.write(`${line}\n`);
const jsonLine = (value) => print(JSON.stringify(value));

/** The libraries, which have to be built. */
const libraries = () =>
  built(() => [
    import('@frontier/contracts/dead-letter'),
    import('@frontier/kit/config'),
    import('@frontier/kit/logger'),
    import('@frontier/kit/queue-config'),
    import('@frontier/redis/dead-letter-admin'),
  ]);

function openAdmin({ createLogger, DeadLetterAdmin, parseEnv, queueShape }) {
  const config = parseEnv(queueShape, process.env);
  return new DeadLetterAdmin({
    redisUrl: config.redisUrl,
    pools: config.pools,
    shards: config.shards,
    policies: config.queues,
    replication: { replicas: config.redisReplicas, timeoutMs: config.redisReplicaTimeoutMs },
    keptBytes: config.keptResultBytes,
    log: createLogger({ service: 'dlq', level: 'silent' }),
  });
}

/** Shows up to `limit` letters; how many there were. */
async function list(admin, { filter, limit, json }) {
  let count = 0;
  for await (const letter of admin.all(filter)) {
    if (count === limit) {
      say(`there are more than ${limit}: --limit`);
      break;
    }
    count += 1;
    if (json) jsonLine(summary(letter, Date.now()));
    else {
      if (count === 1) print(tableHead());
      print(tableLine(letter, Date.now()));
    }
  }
  return count;
}

async function show(admin, letter, { json }) {
  const facts = full(letter, await admin.payloadBytes(letter), Date.now());
  if (json) jsonLine(facts);
  else print(page(facts));
}

/** Says what became of one letter. */
const DO = {
  async redrive(admin, letter, { timeoutMs, json }) {
    const id = await admin.redrive(letter, timeoutMs);
    if (json) jsonLine({ id: letter.id, redriven_as: id });
    else print(`${letter.id} redriven as ${id}`);
  },
  async purge(admin, letter, { json }) {
    await admin.remove(letter);
    if (json) jsonLine({ id: letter.id, purged: true });
    else print(`${letter.id} purged`);
  },
};

/** Redrives or purges what matches. What cannot be redriven is passed over; a refusal of the queue ends it. */
async function doAll(admin, options) {
  const { command, filter, limit, dryRun } = options;
  if (dryRun) {
    const count = await list(admin, options);
    say(`would ${command} ${count}`);
    return EXIT.ok;
  }
  let [done, passedOver] = [0, 0];
  const result = () => `${done} ${command === 'purge' ? 'purged' : 'redriven'}, ${passedOver} passed over`;
  // Those that fail again meanwhile are not met twice.
  const before = Math.min(filter.before ?? Infinity, Date.now());
  for await (const letter of admin.all({ ...filter, before })) {
    if (done === limit) {
      say(`there are more than ${limit}: --limit`);
      break;
    }
    try {
      await DO[command](admin, letter, options);
      done += 1;
    } catch (error) {
      if (!['NOT_FOUND', 'CONFLICT', 'PAYLOAD_TOO_LARGE'].includes(error.code)) {
        say(result());
        throw error;
      }
      say(error.message);
      passedOver += 1;
    }
  }
  say(result());
  return EXIT.ok;
}

async function doOne(admin, options) {
  const letter = await admin.find(options.id);
  if (!letter) {
    say(`no dead letter ${options.id}`);
    return EXIT.unknown;
  }
  if (options.command === 'show') await show(admin, letter, options);
  else if (options.dryRun) say(`would ${options.command} ${letter.id}`);
  else await DO[options.command](admin, letter, options);
  return EXIT.ok;
}

async function main() {
  const options = readArguments(process.argv.slice(2), Date.now());
  if (options.help) {
    print(HELP);
    return EXIT.ok;
  }
  const libs = await libraries();
  const { kind } = options.filter;
  if (kind !== undefined && !libs.FAILURE_KINDS.includes(kind))
    throw new UsageError(`--kind must be one of ${libs.FAILURE_KINDS.join(', ')}`);
  const admin = openAdmin(libs);
  try {
    await admin.start();
    if (options.id) return await doOne(admin, options);
    if (options.command !== 'list') return await doAll(admin, options);
    if ((await list(admin, options)) === 0) say('no dead letters');
    return EXIT.ok;
  } finally {
    await admin.stop();
  }
}

function exitCodeOf(error) {
  say(error.code ? `${error.code}: ${error.message}` : error.message);
  if (error instanceof UsageError) {
    say('npm run dlq -- --help');
    return EXIT.usage;
  }
  return error.exitCode === EXIT.config ? EXIT.config : EXIT.failed;
}

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed));
process.exitCode = await main().catch(exitCodeOf);
