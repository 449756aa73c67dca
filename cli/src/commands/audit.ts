import type { AuditEntry } from '@frontier/contracts/registry';
import { path } from '../client.ts';
import { action, limits, type Program } from '../command.ts';
import { EXIT } from '../errors.ts';
import { timeText } from '../output.ts';

interface Chain {
  sound: boolean;
  broken: number | null;
}

export function auditCommands(program: Program): void {
  const audit = program.root.command('audit').description('who changed what, and why');
  limits(audit.command('list'))
    .description('changes, the newest first')
    .option('--subject <subject>', 'only of this, for example version/text-direction@2')
    .option('--who <name>', 'only by this person or program')
    .action(
      action(
        program,
        async (context, { limit, subject, who }: { limit: number; subject?: string; who?: string }) => {
          const client = await context.client();
          const { items, more } = await client.list<AuditEntry>(path('audit'), { subject, who }, limit);
          context.out.many(items, {
            seq: (item) => item.seq,
            at: (item) => timeText(item.at),
            who: (item) => item.who,
            action: (item) => item.action,
            subject: (item) => item.subject,
            why: (item) => item.why,
          });
          if (items.length === 0) context.out.say('no changes');
          if (more) context.out.say(`there are more than ${limit}: --limit`);
        },
      ),
    );
  audit
    .command('verify')
    .description('checks the hash chain of the log')
    .action(
      action(program, async (context) => {
        const chain = await (await context.client()).get<Chain>(path('audit', 'verify'));
        context.out.one(chain);
        return chain.sound ? EXIT.ok : EXIT.negative;
      }),
    );
}
