import type { EvidenceRecord } from '@frontier/contracts/registry';
import { WHOLE, type ShadowReport } from '@frontier/contracts/traffic';
import { path } from '../client.ts';
import { action, changes, decimal, integer, versionName, type Program } from '../command.ts';
import type { ChangeOptions, Context } from '../context.ts';
import { EXIT, type ExitCode } from '../errors.ts';

interface Named {
  model: string;
  version: string;
}

interface Running {
  id: string;
  version: string;
  share: number;
}

interface StopOptions extends ChangeOptions {
  minCalls: number;
  driftDetectionRate?: number;
}

export function shadowCommands(program: Program): void {
  const shadow = program.root
    .command('shadow')
    .description('copies of calls on a version that nobody waits for; the report is the evidence of G4');
  changes(shadow.command('start'))
    .description('copies a part of the calls of its model to a version')
    .argument('<model@version>', 'which one', versionName)
    .option('--percent <n>', 'of the calls', decimal(0.01, 100), 10)
    .action(action(program, start));
  shadow
    .command('report')
    .description('what the running shadow has found so far')
    .argument('<model@version>', 'which one', versionName)
    .action(action(program, report));
  changes(shadow.command('stop'))
    .description('attaches what was found to G4, and ends the shadow')
    .argument('<model@version>', 'which one', versionName)
    .option(
      '--min-calls <n>',
      'compared calls that the report needs to pass',
      integer(1, 1_000_000_000),
      1_000,
    ) // prettier-ignore
    .option(
      '--drift-detection-rate <part>',
      'part of injected drifts that were found, measured elsewhere',
      decimal(0, 1),
    ) // prettier-ignore
    .action(action(program, stop));
}

async function start(
  context: Context,
  { model, version }: Named,
  { percent, ...options }: ChangeOptions & { percent: number },
): Promise<void> {
  const share = Math.round((percent / 100) * WHOLE);
  const running = await context.change<Running & { stable: string }>(
    path('versions', model, version, 'shadow', 'start'),
    { share },
    options,
  );
  if (!running) return;
  context.out.say(`started; next: frontier shadow report ${model}@${version}`);
  context.out.one(running);
}

async function report(context: Context, { model, version }: Named): Promise<void> {
  const { report, ...running } = await (await context.client()).get<Running & { report: ShadowReport }>(path('versions', model, version, 'shadow')); // prettier-ignore
  if (context.out.json) context.out.one({ ...running, report });
  else context.out.one({ ...running, ...report.results });
}

async function stop(
  context: Context,
  { model, version }: Named,
  { minCalls, driftDetectionRate, ...options }: StopOptions,
): Promise<ExitCode> {
  const attached = await context.change<EvidenceRecord>(
    path('versions', model, version, 'shadow', 'stop'),
    { minCalls, ...(driftDetectionRate !== undefined && { driftDetectionRate }) },
    options,
  );
  if (!attached) return EXIT.ok;
  const { passed, calls, results, metrics } = attached.report as { passed: boolean; calls: number; results: object; metrics: object }; // prettier-ignore
  context.out.say(`attached to G4 as ${attached.id}`);
  context.out.one({ passed, calls, ...results, ...metrics });
  if (!passed) context.out.say(`${minCalls} compared calls are needed: start it again before G4 is judged`);
  return passed ? EXIT.ok : EXIT.negative;
}
