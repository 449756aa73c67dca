import { Command, CommanderError } from 'commander';
import { integer, type Program } from './command.ts';
import { auditCommands } from './commands/audit.ts';
import { deadLetterCommands } from './commands/dlq.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { experimentCommands } from './commands/experiments.ts';
import { gateCommands } from './commands/gates.ts';
import { keyCommands } from './commands/keys.ts';
import { modelCommands } from './commands/models.ts';
import { rolloutCommands } from './commands/rollouts.ts';
import { shadowCommands } from './commands/shadow.ts';
import { CliError, EXIT, type ExitCode } from './errors.ts';
import type { Host } from './host.ts';

const MAX_TIMEOUT_S = 3_600;

const NOTES = `
Settings: FRONTIER_URL (http://127.0.0.1:8081), FRONTIER_KEY_FILE, FRONTIER_GATEWAY_URL (http://127.0.0.1:8080; evaluate),
NO_COLOR. Data go to stdout, messages to stderr.

Exit code 0: done; 1: refused or failed; 2: wrong arguments or input; 3: no such thing; 4: the key may not;
5: not reachable now; 6: looked at and not as it should be; 78: wrong settings; 130: interrupted.`;

/** The whole program; gives the exit code. Never rejects. */
export async function run(argv: readonly string[], host: Host): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program: Program = { root: rootCommand(host), host, end: (end) => (code = end) };
  modelCommands(program);
  gateCommands(program);
  evaluateCommand(program);
  shadowCommands(program);
  rolloutCommands(program);
  experimentCommands(program);
  deadLetterCommands(program);
  auditCommands(program);
  keyCommands(program);
  try {
    await program.root.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said it already; help asked for is no failure.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    host.stderr.write(`frontier: ${(error as Error).message}\n`);
    return error instanceof CliError ? error.exit : EXIT.failed;
  }
}

function rootCommand({ stdout, stderr }: Host): Command {
  return new Command('frontier')
    .description(
      'Models, gates, rollouts, experiments, dead letters, keys and the audit log of a Frontier installation.',
    )
    .option('--json', 'one JSON object a line')
    .option('--quiet', 'no messages but errors')
    .option('--url <url>', 'control service, instead of FRONTIER_URL')
    .option('--key-file <file>', 'file with the key, instead of FRONTIER_KEY_FILE')
    .option('--timeout <seconds>', 'longest wait for an answer', integer(1, MAX_TIMEOUT_S), 30)
    .addHelpText('after', NOTES)
    .showHelpAfterError('(add --help for help)')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride();
}
