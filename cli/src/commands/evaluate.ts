import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Option } from 'commander';
import type { EvidenceRecord, VersionRecord } from '@frontier/contracts/registry';
import { path } from '../client.ts';
import { action, decimal, integer, versionName, type Program } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, type ExitCode } from '../errors.ts';
import { kindOf, KINDS, type Kind, type OutputNames } from '../evaluate/answers.ts';
import { readGoldenSet } from '../evaluate/golden-set.ts';
import { measure, reportOf, rubricOf, type EvaluationReport } from '../evaluate/report.ts';
import { referenceOf, type Declared } from '../evaluate/reference.ts';
import { runAll, type Outcome } from '../evaluate/runner.ts';
import { call } from '../http.ts';
import { gatewayUrl } from '../settings.ts';

interface EvaluateOptions extends OutputNames {
  gateway?: string;
  kind?: Kind;
  concurrency: number;
  deadline: number;
  safety?: number;
  cost?: number;
  objective: number;
  report?: string;
  reference?: string;
  attach?: boolean;
  why?: string;
}

export function evaluateCommand(program: Program): void {
  program.root
    .command('evaluate')
    .description('runs a golden set through the gateway at low priority; the report is the evidence of G1')
    .argument('<model@version>', 'which one', versionName)
    .argument('<golden-set>', 'JSON lines: input, inputs or prompt, and expected')
    .option('--gateway <url>', 'instead of FRONTIER_GATEWAY_URL')
    .addOption(new Option('--kind <kind>', 'kind of metrics; default: by the task').choices(KINDS))
    .option('--output <name>', 'output to compare; default: the only one, `label` or `value`')
    .option('--lower <name>', 'output with the lower bound of the interval')
    .option('--upper <name>', 'output with the upper bound of the interval')
    .option('--concurrency <n>', 'calls at once', integer(1, 64), 4)
    .option('--deadline <seconds>', 'of one call', integer(1, 3_600), 60)
    .option('--objective <ms>', 'latency that an answer should have', integer(1, 3_600_000), 300)
    .option('--safety <score>', 'score of the rubric, 0 to 1', decimal(0, 1))
    .option('--cost <score>', 'score of the rubric, 0 to 1', decimal(0, 1))
    .option('--report <file>', 'writes the report there, too')
    .option('--reference <file>', 'writes the reference for drift there: reference.json of the folder')
    .option('--attach', 'attaches the report to G1; needs --why')
    .option('--why <text>', 'reason, kept in the audit log')
    .action(action(program, evaluate));
}

async function evaluate(
  context: Context,
  named: { model: string; version: string },
  file: string,
  options: EvaluateOptions,
): Promise<ExitCode> {
  const { attach, why, report: target, reference } = options;
  if (attach && why === undefined) throw new CliError(EXIT.usage, '--attach needs --why');
  const golden = { ...(await readGoldenSet(file)), file: basename(file) };
  const { report, outcomes, declared } = await run(context, named, golden, options);
  if (reference !== undefined)
    await writeFile(reference, `${JSON.stringify(referenceOf(declared, outcomes))}\n`);
  if (target !== undefined) await writeFile(target, `${JSON.stringify(report, undefined, 2)}\n`);
  if (attach && why !== undefined) {
    const evidence = { gate: 'G1', kind: 'evaluation', report };
    const { id } = (await context.change<EvidenceRecord>(path('versions', named.model, named.version, 'evidence'), evidence, { why })) as EvidenceRecord; // prettier-ignore
    context.out.say(`attached to G1 as ${id}`);
  }
  if (context.out.json) context.out.one(report);
  else
    context.out.one({ samples: report.samples, failed: report.failed, ...report.metrics, ...report.rubric });
  for (const failure of report.failures) context.out.say(failure);
  return report.passed ? EXIT.ok : EXIT.negative;
}

async function run(
  context: Context,
  { model, version }: { model: string; version: string },
  golden: Awaited<ReturnType<typeof readGoldenSet>> & { file: string },
  options: EvaluateOptions,
): Promise<{ report: EvaluationReport; outcomes: Outcome[]; declared: Declared }> {
  const { host, out, timeoutMs } = context;
  const gateway = gatewayUrl(host, options.gateway);
  const digest = await digestOf(context, { model, version }, options.attach ?? false);
  const { task, ...declared } = await modelOf(gateway, model, timeoutMs, host.signal);
  const kind = options.kind ?? kindOf(task);
  if (!kind)
    throw new CliError(EXIT.usage, `no metrics are known for the task ${task}: --kind ${KINDS.join('|')}`);
  const startedAt = new Date();
  const every = Math.max(1, Math.floor(golden.lines.length / 10));
  const outcomes = await runAll(golden.lines, {
    gateway,
    model,
    version,
    concurrency: options.concurrency,
    deadlineMs: 1_000 * options.deadline,
    signal: host.signal,
    progress: (done) => done % every === 0 && out.say(`${done} of ${golden.lines.length}`),
  });
  const measured = measure(kind, options, outcomes);
  const { safety, cost, objective: objectiveMs } = options;
  const rated = safety !== undefined && cost !== undefined;
  if (!rated) out.say('without --safety and --cost the report has no rubric, which G1 needs');
  const report = reportOf({ model, version, digest, task, kind }, golden, {
    ...measured,
    samples: outcomes.length,
    ...(rated && { rubric: rubricOf(kind, measured.metrics, outcomes, { safety, cost, objectiveMs }) }),
    startedAt,
    endedAt: new Date(),
  });
  return { report, outcomes, declared };
}

/** Null: it is not registered yet; then the report is about no content that anybody else could name. */
async function digestOf(
  context: Context,
  { model, version }: { model: string; version: string },
  needed: boolean,
): Promise<string | null> {
  try {
    return (await (await context.client()).get<VersionRecord>(path('versions', model, version))).digest;
  } catch (error) {
    if (needed || !(error instanceof CliError) || error.exit !== EXIT.unknown) throw error;
    context.out.say(`${model}@${version} is not registered: the report names no digest`);
    return null;
  }
}

async function modelOf(
  gateway: string,
  model: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Declared & { task: string }> {
  const url = `${gateway}/v1/models/${encodeURIComponent(model)}`;
  const answer = await call({ method: 'GET', url, timeoutMs, signal });
  const data = (answer.body as { data?: (Partial<Declared> & { task?: unknown }) | null } | undefined)?.data;
  if (typeof data?.task === 'string')
    return { task: data.task, inputs: data.inputs ?? [], outputs: data.outputs ?? [] };
  throw new CliError(answer.status === 404 ? EXIT.unknown : EXIT.away, `${gateway} knows no model ${model}`);
}
