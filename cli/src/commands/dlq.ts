import { InvalidArgumentError, Option, type Command } from 'commander';
import { FAILURE_KINDS } from '@frontier/contracts/dead-letter';
import { path } from '../client.ts';
import { action, changes, dangers, integer, limits, type Program } from '../command.ts';
import type { ChangeOptions, Context } from '../context.ts';
import { CliError, EXIT, type ExitCode } from '../errors.ts';
import { timeText } from '../output.ts';

interface Letter {
  id: string;
  kind: string;
  model: string;
  version: string;
  tenant: string;
  errorCode: string;
  attempts: number;
  redrives: number;
  diedAt: number;
}

interface Filter {
  kind?: string;
  model?: string;
  tenant?: string;
  olderThan?: number;
  newerThan?: number;
}

type AllOptions = Filter & ChangeOptions & { limit: number; deadline?: number };

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** What one call of the service lists at most. */
const MAX_PAGE = 500;
const MAX_DEADLINE_S = 86_400;

export function deadLetterCommands(program: Program): void {
  const dlq = program.root.command('dlq').description('requests that failed for good');
  filters(limits(dlq.command('list')))
    .description('dead letters, by kind of failure, then oldest first')
    .action(action(program, list));
  dlq
    .command('show')
    .description('all that is known of one but its payload')
    .argument('<id>', 'which one')
    .action(
      action(program, async (context, id: string) => {
        context.out.one(await (await context.client()).get<object>(path('dead-letters', id)));
      }),
    );
  filters(limits(changes(dlq.command('redrive'))))
    .description('runs one again, or those of a filter, until the queue refuses one')
    .argument('[id]', 'which one')
    .option('--deadline <seconds>', 'deadline of the new request, from now', integer(1, MAX_DEADLINE_S))
    .action(
      action(program, (context, id: string | undefined, { deadline: timeoutS, ...options }: AllOptions) =>
        each(context, 'redrive', id, { ...options, ...(timeoutS !== undefined && { deadline: timeoutS }) }),
      ),
    );
  filters(limits(dangers(dlq.command('purge'))))
    .description('deletes one, or those of a filter')
    .argument('[id]', 'which one')
    .action(
      action(program, (context, id: string | undefined, options: AllOptions) =>
        each(context, 'purge', id, options),
      ),
    );
}

function filters(command: Command): Command {
  return command
    .addOption(new Option('--kind <kind>', 'only of this kind of failure').choices(FAILURE_KINDS))
    .option('--model <name>', 'only of this model')
    .option('--tenant <name>', 'only of this tenant')
    .option('--older-than <age>', 'only what died before: 90s, 15m, 6h, 2d', age)
    .option('--newer-than <age>', 'only what died since', age);
}

async function list(context: Context, { limit, ...filter }: Filter & { limit: number }): Promise<void> {
  const { letters, more } = await find(context, filter, limit);
  show(context, letters);
  if (letters.length === 0) context.out.say('no dead letters');
  if (more) context.out.say(`there are more than ${limit}: --limit, up to ${MAX_PAGE}`);
}

function show({ out }: Context, letters: readonly Letter[]): void {
  out.many(letters, {
    id: (item) => item.id,
    kind: (item) => item.kind,
    model: (item) => `${item.model}@${item.version}`,
    tenant: (item) => item.tenant,
    error: (item) => item.errorCode,
    attempts: (item) => item.attempts,
    redrives: (item) => item.redrives,
    died: (item) => timeText(item.diedAt),
  });
}

/** One letter, or those of a filter: never all by an omission. What cannot be redriven is passed over. */
async function each(
  context: Context,
  what: 'redrive' | 'purge',
  id: string | undefined,
  options: AllOptions,
): Promise<ExitCode> {
  const { limit, deadline, kind, model, tenant, olderThan, newerThan, ...change } = options;
  const filter = { kind, model, tenant, olderThan, newerThan };
  if ((id !== undefined) === Object.values(filter).some((value) => value !== undefined)) {
    throw new CliError(EXIT.usage, `${what}: either an id or a filter`);
  }
  const body = deadline === undefined ? {} : { timeoutS: deadline };
  const send = (letter: string) => context.change<object>(path('dead-letters', letter, what), body, change);
  if (id !== undefined) {
    if (what === 'purge') await context.confirm(id, `${id} is deleted for good`, change);
    const done = await send(id);
    if (done) context.out.one(done);
    return EXIT.ok;
  }
  const { letters, more } = await find(context, filter, limit);
  if (change.dryRun) {
    show(context, letters);
    context.out.say(`would ${what} ${letters.length}`);
    return EXIT.ok;
  }
  if (what === 'purge') await context.confirm(String(letters.length), `${letters.length} dead letters are deleted for good`, change); // prettier-ignore
  let [done, passedOver] = [0, 0];
  for (const letter of letters) {
    try {
      const answer = await send(letter.id);
      if (answer) context.out.many([answer as Record<string, string>], { id: (a) => a['id'], done: () => what, as: (a) => a['redrivenAs'] }); // prettier-ignore
      done += 1;
    } catch (error) {
      if (
        !(error instanceof CliError) ||
        (error.exit !== EXIT.unknown && !error.message.startsWith('CONFLICT'))
      )
        throw error;
      context.out.say(error.message);
      passedOver += 1;
    }
  }
  context.out.say(
    `${done} ${what === 'purge' ? 'purged' : 'redriven'}, ${passedOver} passed over${more ? '; there are more' : ''}`,
  );
  return EXIT.ok;
}

async function find(
  context: Context,
  { kind, model, tenant, olderThan, newerThan }: { [K in keyof Filter]: Filter[K] | undefined },
  limit: number,
): Promise<{ letters: Letter[]; more: boolean }> {
  const client = await context.client();
  const now = Date.now();
  return client.get(path('dead-letters'), {
    kind,
    model,
    tenant,
    before: olderThan === undefined ? undefined : now - olderThan,
    after: newerThan === undefined ? undefined : now - newerThan,
    limit: Math.min(limit, MAX_PAGE),
  });
}

/** Milliseconds. */
function age(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (!unit) throw new InvalidArgumentError('must be an age like 90s, 15m, 6h or 2d.');
  return Number(count) * (UNITS[unit] as number);
}
