import { newExperimentSchema, type Experiment } from '@frontier/contracts/experiment';
import { WHOLE } from '@frontier/contracts/traffic';
import type { ExperimentResult } from '@frontier/policy/experiment';
import { path } from '../client.ts';
import { action, changes, limits, type Program } from '../command.ts';
import type { ChangeOptions, Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { readJson } from '../files.ts';
import { timeText } from '../output.ts';

export function experimentCommands(program: Program): void {
  const experiments = program.root
    .command('experiments')
    .description('versions side by side, and which one is better');
  changes(experiments.command('start'))
    .description('splits the calls of a model between versions')
    .argument('<model>', 'whose calls')
    .requiredOption('--plan <file>', 'JSON: arms, kpi, effect, horizon, and alpha unless 0.05')
    .action(action(program, start));
  limits(experiments.command('list'))
    .description('experiments of the last 90 days')
    .option('--model <name>', 'only of this model')
    .action(action(program, list));
  experiments
    .command('result')
    .description('what is known so far; looks are free')
    .argument('<id>', 'which one')
    .action(action(program, result));
  changes(experiments.command('stop'))
    .description('gives all calls back to stable; the result stays')
    .argument('<id>', 'which one')
    .action(
      action(program, async (context, id: string, options: ChangeOptions) => {
        const ended = await context.change<Experiment>(path('experiments', id, 'stop'), {}, options);
        if (ended) context.out.one(rowOf(ended));
      }),
    );
}

async function start(
  context: Context,
  model: string,
  { plan: file, ...options }: ChangeOptions & { plan: string },
): Promise<void> {
  const parsed = newExperimentSchema.safeParse({ ...(await readJson(file)), model });
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${file}: ${issue.path.join('.')}: ${issue.message}`);
    throw new CliError(EXIT.usage, faults.join('\n'));
  }
  const experiment = await context.change<Experiment>(path('experiments'), parsed.data, options);
  if (!experiment) return;
  context.out.say(`started; frontier experiments result ${experiment.plan.id}`);
  context.out.one(rowOf(experiment));
}

async function list(context: Context, { limit, model }: { limit: number; model?: string }): Promise<void> {
  const client = await context.client();
  const { items } = await client.list<Experiment>(path('experiments'), { model }, limit);
  context.out.many(items.map(rowOf), {
    id: (item) => item.id,
    model: (item) => item.model,
    kpi: (item) => item.kpi,
    arms: (item) => item.arms,
    started: (item) => item.started,
    ended: (item) => item.ended,
  });
  if (items.length === 0) context.out.say('no experiments');
}

async function result(context: Context, id: string): Promise<void> {
  const client = await context.client();
  const found = await client.get<Experiment & { result: ExperimentResult }>(path('experiments', id));
  if (context.out.json) return context.out.one(found);
  const { status, sentences } = found.result;
  context.out.one({ ...rowOf(found), status });
  context.out.text(sentences.join('\n'));
}

function rowOf({ plan, model, arms, startedAt, endedAt }: Experiment) {
  return {
    id: plan.id,
    model,
    kpi: plan.kpi.name,
    arms: arms.map(({ name, version, share }) => `${name}=${version} ${(100 * share) / WHOLE} %`).join(', '),
    started: timeText(startedAt),
    ended: timeText(endedAt),
  };
}
