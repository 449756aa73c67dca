import { InvalidArgumentError, Option, type Command } from 'commander';
import { Context } from './context.ts';
import { EXIT, type ExitCode } from './errors.ts';
import type { Host } from './host.ts';

const MAX_LIMIT = 100_000;

/** A group of commands is added to the program with the host that they work on, and tells how they ended. */
export interface Program {
  root: Command;
  host: Host;
  end(code: ExitCode): void;
}

type Action<A extends unknown[]> = (context: Context, ...args: A) => Promise<ExitCode | void>;

/** The action of a command: what it returns is the exit code of the process. */
export function action<A extends unknown[]>(program: Program, run: Action<A>) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const args = given.slice(0, -1) as A;
    program.end((await run(new Context(program.host, command), ...args)) ?? EXIT.ok);
  };
}

/** Adds what every change takes. */
export function changes(command: Command): Command {
  return command
    .requiredOption('--why <text>', 'reason, kept in the audit log')
    .option('--dry-run', 'only say what would be done');
}

/** Adds what a change takes that cannot be undone. */
export function dangers(command: Command): Command {
  return changes(command).option('--yes', 'do not ask');
}

export function limits(command: Command, otherwise = 100): Command {
  return command.addOption(
    new Option('--limit <n>', 'items at most').argParser(integer(1, MAX_LIMIT)).default(otherwise),
  );
}

/** A parser of whole numbers for options. */
export function integer(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`must be ${min} to ${max}.`);
    }
    return value;
  };
}

/** A parser of decimals for options. */
export function decimal(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`must be a number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** `model@version`. */
export function versionName(text: string): { model: string; version: string } {
  const [model, version, ...more] = text.split('@');
  if (!model || !version || more.length > 0) throw new InvalidArgumentError('must be model@version.');
  return { model, version };
}
