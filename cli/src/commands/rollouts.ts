import { Option, type Command } from 'commander';
import type { NewRollout } from '@frontier/contracts/registry';
import { COMMANDS, type Rollout, type RolloutCommand } from '@frontier/contracts/rollout';
import { rolloutPolicySchema } from '@frontier/contracts/rollout-policy';
import { path } from '../client.ts';
import { action, changes, dangers, integer, limits, versionName, type Program } from '../command.ts';
import type { ChangeOptions, Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { readJson } from '../files.ts';
import { shareText, timeText } from '../output.ts';
import { log } from './log.ts';
import { replay } from './replay.ts';
import { simulate } from './simulate.ts';

const MEANS: Record<RolloutCommand, string> = {
  pause: 'holds the share where it is',
  resume: 'goes on after a pause',
  promote: 'gives the canary all traffic',
  abort: 'takes all traffic from the canary',
  freeze: 'lets the share grow no more; a rollback goes on',
  unfreeze: 'ends a freeze',
  release: 'lets a rollout go on that waits for a person',
};
/** What gives a canary traffic is asked for; what takes it away never waits. */
const WEIGHTY: readonly RolloutCommand[] = ['promote', 'release'];

export function rolloutCommands(program: Program): void {
  const rollouts = program.root.command('rollouts').description('from a version to all traffic, and back');
  changes(rollouts.command('start'))
    .description('starts a rollout of an approved version against the one in production')
    .argument('<model@version>', 'the canary', versionName)
    .option('--policy <file>', 'JSON; what is not in it keeps its default')
    .action(action(program, start));
  limits(rollouts.command('list'))
    .description('rollouts')
    .option('--model <name>', 'only of this model')
    .option('--running', 'only those that run')
    .action(action(program, list));
  rollouts
    .command('show')
    .description('one rollout with its policy')
    .argument('<id>', 'which one')
    .action(
      action(program, async (context, id: string) => {
        context.out.one(await (await context.client()).get<Rollout>(path('rollouts', id)));
      }),
    );
  rollouts
    .command('log')
    .description('what was decided last, on which figures, and why')
    .argument('<id>', 'which one')
    .addOption(new Option('--last <n>', 'decisions at most').argParser(integer(1, 1_000)).default(20))
    .action(action(program, log));
  rollouts
    .command('replay')
    .description('decides again from the stored integers and compares: one decision, or all of a rollout')
    .argument('<id>', 'of a decision or a rollout')
    .action(action(program, replay));
  rollouts
    .command('simulate')
    .description('error rates of a policy over simulated traffic (in a checkout); options go on: --help')
    .argument('[options...]', 'of scripts/canary-simulate.mjs')
    .helpOption(false)
    .allowUnknownOption()
    .action(action(program, simulate));
  commands(program, rollouts);
  digests(program, rollouts);
}

function commands(program: Program, rollouts: Command): void {
  for (const command of COMMANDS) {
    const weighty = WEIGHTY.includes(command);
    (weighty ? dangers : changes)(rollouts.command(command))
      .description(MEANS[command])
      .argument('<id>', 'which one')
      .action(
        action(program, async (context, id: string, options: ChangeOptions) => {
          if (weighty) await context.confirm(id, `${command} ${MEANS[command]}`, options);
          const taken = await context.change<object>(path('rollouts', id, command), {}, options);
          if (taken) context.out.one(taken);
        }),
      );
  }
}

function digests(program: Program, rollouts: Command): void {
  dangers(rollouts.command('unblock'))
    .description('lets a digest be rolled out again')
    .argument('<digest>', 'sha256:…')
    .action(
      action(program, async (context, digest: string, options: ChangeOptions) => {
        await context.confirm(digest, 'A digest that was rolled back may get traffic again', options);
        const done = await context.change<object>(path('blocked-digests', digest, 'unblock'), {}, options);
        if (done) context.out.one(done);
      }),
    );
  rollouts
    .command('blocked')
    .description('digests that get no traffic')
    .action(
      action(program, async (context) => {
        const digests = await (await context.client()).get<string[]>(path('blocked-digests'));
        context.out.many(
          digests.map((digest) => ({ digest })),
          { digest: (item) => item.digest },
        );
      }),
    );
}

async function start(
  context: Context,
  { model, version }: { model: string; version: string },
  { policy: file, ...options }: ChangeOptions & { policy?: string },
): Promise<void> {
  const parsed = rolloutPolicySchema.safeParse(file === undefined ? {} : await readJson(file));
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${file}: ${issue.path.join('.')}: ${issue.message}`);
    throw new CliError(EXIT.usage, faults.join('\n'));
  }
  const body: Omit<NewRollout, 'why'> = { model, canary: version, policy: parsed.data };
  const rollout = await context.change<Rollout>(path('rollouts'), body, options);
  if (!rollout) return;
  context.out.say(`started; frontier rollouts show ${rollout.id}`);
  const { id, stable, canary, phase, share } = rollout;
  context.out.one({ id, model, stable, canary, phase, share: shareText(share) });
}

async function list(
  context: Context,
  { limit, model, running }: { limit: number; model?: string; running?: boolean },
) {
  const client = await context.client();
  const { items, more } = await client.list<Rollout>(path('rollouts'), { model, running }, limit);
  context.out.many(items, {
    id: (item) => item.id,
    model: (item) => item.model,
    stable: (item) => item.stable,
    canary: (item) => item.canary,
    phase: (item) => item.phase,
    share: (item) => shareText(item.share),
    created: (item) => timeText(item.createdAt),
    'waits for': (item) => item.waits ?? '',
  });
  if (items.length === 0) context.out.say('no rollouts');
  if (more) context.out.say(`there are more than ${limit}: --limit`);
}
