import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Argument, Option } from 'commander';
import {
  newVersionSchema,
  VERSION_STATES,
  type VersionRecord,
  type VersionState,
} from '@frontier/contracts/registry';
import { path } from '../client.ts';
import { action, changes, dangers, limits, versionName, type Program } from '../command.ts';
import type { ChangeOptions, Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { readJson } from '../files.ts';
import { timeText } from '../output.ts';

interface Named {
  model: string;
  version: string;
}

interface PublishOptions extends ChangeOptions {
  lineage: string;
  card?: string;
  name?: string;
}

const MANIFEST = 'manifest.json';
/** What serves and what nobody serves any more. */
const WEIGHTY: readonly VersionState[] = ['production', 'archived'];

export function modelCommands(program: Program): void {
  const models = program.root.command('models').description('versions of models and their states');
  changes(models.command('publish'))
    .description('registers a version that lies in the model repository, as a draft')
    .argument('<folder>', `its folder, with ${MANIFEST}`)
    .requiredOption(
      '--lineage <file>',
      'JSON: datasetHash, commit, configurationHash, environmentHash, metrics, parent',
    )
    .option('--card <file>', 'model card, Markdown')
    .option('--name <name>', 'registered name; default: <model>_<version>_<today>')
    .action(action(program, publish));
  limits(models.command('list'))
    .description('versions, by model')
    .option('--model <name>', 'only of this model')
    .addOption(new Option('--state <state>', 'only in this state').choices(VERSION_STATES))
    .action(action(program, list));
  models
    .command('show')
    .description('one version with its lineage')
    .argument('<model@version>', 'which one', versionName)
    .action(
      action(program, async (context, { model, version }: Named) => {
        context.out.one(await (await context.client()).get<VersionRecord>(path('versions', model, version)));
      }),
    );
  dangers(models.command('move'))
    .description('moves a version to another state, as far as its gates allow')
    .argument('<model@version>', 'which one', versionName)
    .addArgument(new Argument('<state>', 'where to').choices(VERSION_STATES))
    .action(action(program, move));
}

async function publish(context: Context, folder: string, options: PublishOptions): Promise<void> {
  const { model, version, digest } = await readManifest(folder);
  const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const body = newVersionSchema.safeParse({
    model,
    version,
    digest,
    name: options.name ?? `${model}_${version}_${today}`,
    card: options.card === undefined ? '' : await readFile(options.card, 'utf8'),
    lineage: await readJson(options.lineage),
  });
  if (!body.success) {
    const faults = body.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new CliError(EXIT.usage, faults.join('\n'));
  }
  const record = await context.change<VersionRecord>(path('versions'), body.data, options);
  if (!record) return;
  context.out.say(`${model}@${version} is ${record.state}; next: frontier gates list ${model}@${version}`);
  context.out.one(record);
}

/** What the folder says that it is. That its files agree with it is for the scan to find, and for whoever loads it. */
async function readManifest(folder: string): Promise<Named & { digest: string }> {
  const file = join(folder, MANIFEST);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new CliError(EXIT.usage, `${file} cannot be read: make the manifest first`, { cause });
  });
  const { name, version } = (await readJson(file)) as { name?: unknown; version?: unknown };
  if (typeof name !== 'string' || typeof version !== 'string') {
    throw new CliError(EXIT.usage, `${file}: name and version are missing`);
  }
  return { model: name, version, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

async function list(
  context: Context,
  { limit, model, state }: { limit: number; model?: string; state?: string },
) {
  const client = await context.client();
  const { items, more } = await client.list<VersionRecord>(path('versions'), { model, state }, limit);
  context.out.many(items, {
    version: (item) => `${item.model}@${item.version}`,
    state: (item) => item.state,
    author: (item) => item.author,
    name: (item) => item.name,
    digest: (item) => item.digest,
    updated: (item) => timeText(item.updatedAt),
  });
  if (items.length === 0) context.out.say('no versions');
  if (more) context.out.say(`there are more than ${limit}: --limit`);
}

async function move(
  context: Context,
  { model, version }: Named,
  to: VersionState,
  options: ChangeOptions,
): Promise<void> {
  const name = `${model}@${version}`;
  if (WEIGHTY.includes(to)) await context.confirm(name, `${name} becomes ${to}`, options);
  const record = await context.change<VersionRecord>(
    path('versions', model, version, 'move'),
    { to },
    options,
  );
  if (record) context.out.one({ version: name, state: record.state });
}
