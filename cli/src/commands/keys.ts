import { Option } from 'commander';
import { OWNER_ROLES, ROLES, type ApiKeyRecord } from '@frontier/contracts/registry';
import { path } from '../client.ts';
import { action, changes, dangers, type Program } from '../command.ts';
import type { ChangeOptions, Context } from '../context.ts';
import { timeText } from '../output.ts';

interface CreateOptions extends ChangeOptions {
  role: string;
  owns?: string[];
}

export function keyCommands(program: Program): void {
  const keys = program.root.command('keys').description('keys of the control service');
  changes(keys.command('create'))
    .description('makes a key and shows it, this once')
    .argument('<name>', 'the person or program that holds it')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).makeOptionMandatory())
    .addOption(new Option('--owns <role...>', 'gates that it judges').choices(OWNER_ROLES))
    .action(action(program, create));
  keys.command('list').description('all keys, without their secrets').action(action(program, list));
  dangers(keys.command('revoke'))
    .description('makes a key useless at once')
    .argument('<id>', 'as `keys list` says')
    .action(
      action(program, async (context, id: string, options: ChangeOptions) => {
        await context.confirm(id, `The key ${id} opens nothing any more`, options);
        const done = await context.change<object>(path('keys', id, 'revoke'), {}, options);
        if (done) context.out.one(done);
      }),
    );
}

async function create(
  context: Context,
  name: string,
  { role, owns = [], ...options }: CreateOptions,
): Promise<void> {
  const made = await context.change<ApiKeyRecord & { key: string }>(
    path('keys'),
    { name, role, owns },
    options,
  );
  if (!made) return;
  context.out.say('it is not shown again: keep it in a file that only its holder may read');
  context.out.one({
    id: made.id,
    name: made.name,
    role: made.role,
    owns: made.owns.join(', '),
    key: made.key,
  });
}

async function list(context: Context): Promise<void> {
  const keys = await (await context.client()).get<ApiKeyRecord[]>(path('keys'));
  context.out.many(keys, {
    id: (item) => item.id,
    name: (item) => item.name,
    role: (item) => item.role,
    owns: (item) => item.owns.join(', '),
    created: (item) => timeText(item.createdAt),
    used: (item) => timeText(item.lastUsedAt),
    revoked: (item) => timeText(item.revokedAt),
  });
}
