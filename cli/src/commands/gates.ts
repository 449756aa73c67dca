import { Argument } from 'commander';
import { GATES, type EvidenceRecord, type Gate, type GateRecord } from '@frontier/contracts/registry';
import { path } from '../client.ts';
import { action, changes, versionName, type Program } from '../command.ts';
import type { ChangeOptions, Context } from '../context.ts';
import { EXIT, type ExitCode } from '../errors.ts';
import { readJson } from '../files.ts';
import { timeText } from '../output.ts';

interface Named {
  model: string;
  version: string;
}

interface GateView {
  gates: GateRecord[];
  passed: Gate[];
  next: { gate: Gate; evidence: string[]; owners: string[]; unsigned: string[] } | null;
}

interface ScanReport {
  passed: boolean;
  checks: { check: string; passed: boolean; finding: string }[];
}

const gateArgument = () => new Argument('<gate>', 'which gate').choices(GATES);

export function gateCommands(program: Program): void {
  const gates = program.root.command('gates').description('evidence and judgements of a version');
  gates
    .command('list')
    .description('what was judged, what counts, and what is needed next')
    .argument('<model@version>', 'which one', versionName)
    .action(action(program, list));
  gates
    .command('evidence')
    .description('the reports of a version')
    .argument('<model@version>', 'which one', versionName)
    .action(action(program, evidence));
  changes(gates.command('attach'))
    .description('attaches a report to a gate')
    .argument('<model@version>', 'which one', versionName)
    .addArgument(gateArgument())
    .argument('<kind>', 'kind of report, as `gates list` says')
    .argument('<report>', 'JSON file; "passed": true if it says so, "metrics" for the KPIs')
    .action(action(program, attach));
  changes(gates.command('judge'))
    .description('passes or fails a gate by its evidence')
    .argument('<model@version>', 'which one', versionName)
    .addArgument(gateArgument())
    .addArgument(new Argument('<verdict>', 'what its owner says').choices(['pass', 'fail']))
    .action(action(program, judge));
  changes(program.root.command('scan'))
    .description(
      'has the service check files, signature and licence of a version, and attach what it finds to G2',
    )
    .argument('<model@version>', 'which one', versionName)
    .action(action(program, scan));
}

async function list(context: Context, { model, version }: Named): Promise<void> {
  const client = await context.client();
  const { gates, passed, next } = await client.get<GateView>(path('versions', model, version, 'gates'));
  context.out.many(gates, {
    gate: (item) => item.gate,
    role: (item) => item.role,
    judgement: (item) => (item.passed ? 'passed' : 'failed'),
    counts: (item) => (passed.includes(item.gate) ? 'yes' : 'no'),
    by: (item) => item.approver,
    at: (item) => timeText(item.at),
    reason: (item) => item.reason,
  });
  if (!next) return context.out.say('all gates have passed');
  context.out.say(
    `next is ${next.gate}: evidence ${next.evidence.join(', ')}; to be judged by ${next.unsigned.join(' and ')}`,
  );
}

async function evidence(context: Context, { model, version }: Named): Promise<void> {
  const client = await context.client();
  const reports = await client.get<EvidenceRecord[]>(path('versions', model, version, 'evidence'));
  context.out.many(reports, {
    gate: (item) => item.gate,
    kind: (item) => item.kind,
    by: (item) => item.author,
    at: (item) => timeText(item.createdAt),
    sha256: (item) => item.sha256,
  });
  if (reports.length === 0) context.out.say('no reports');
}

async function attach(
  context: Context,
  { model, version }: Named,
  gate: Gate,
  kind: string,
  file: string,
  options: ChangeOptions,
) {
  const body = { gate, kind, report: await readJson(file) };
  const record = await context.change<EvidenceRecord>(
    path('versions', model, version, 'evidence'),
    body,
    options,
  );
  if (record) context.out.one({ id: record.id, gate, kind, sha256: record.sha256 });
}

async function judge(
  context: Context,
  { model, version }: Named,
  gate: Gate,
  verdict: string,
  options: ChangeOptions,
): Promise<ExitCode> {
  const record = await context.change<GateRecord>(
    path('versions', model, version, 'gates', gate),
    { verdict },
    options,
  );
  if (!record) return EXIT.ok;
  context.out.one({ gate, role: record.role, passed: record.passed, reason: record.reason });
  return record.passed ? EXIT.ok : EXIT.negative;
}

async function scan(context: Context, { model, version }: Named, options: ChangeOptions): Promise<ExitCode> {
  const record = await context.change<EvidenceRecord>(path('versions', model, version, 'scan'), {}, options);
  if (!record) return EXIT.ok;
  const report = record.report as unknown as ScanReport;
  context.out.many(report.checks, {
    check: (item) => item.check,
    passed: (item) => (item.passed ? 'yes' : 'no'),
    finding: (item) => item.finding,
  });
  context.out.say(`attached to G2 as ${record.id}`);
  return report.passed ? EXIT.ok : EXIT.negative;
}
