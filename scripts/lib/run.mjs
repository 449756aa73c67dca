// Small helpers of the scripts. They run before anything is installed: only what Node 20 itself has.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
/** Everything that these scripts download, unpack or write while they run; safe to delete. */
export const cache = join(root, '.frontier');
export const bin = join(root, 'node_modules/.bin');
/** Node 24, whatever started this script. */
export const node = join(bin, 'node');

/** A failure that the reader can do something about: printed without a stack. */
export class Problem extends Error {}

/** Prints a Problem and exits 1; anything else is a bug and keeps its stack. */
export function report(error) {
  console.error(error instanceof Problem ? `\n${error.message}\n` : error);
  process.exit(1);
}

/** True where `import.meta.url` is the script that was started. */
export function isMain(url) {
  return process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
}

/** The executables of this name on PATH and in the folders, in that order. */
export function whichAll(name, folders = []) {
  const files = [...(process.env.PATH ?? '').split(delimiter), ...folders].map((folder) =>
    join(folder, name),
  );
  return files.filter((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export const which = (name) => whichAll(name)[0];

/** Runs a command and collects what it prints. Never rejects: `code` is null when it could not be started. */
export function capture(command, args, { timeoutMs = 60_000, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, ...options });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => resolve({ code: null, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

const SHOWN_LINES = 40;

/** Runs a command quietly; the beginning of its output is shown when it fails. */
export async function must(what, command, args, options) {
  const { code, output } = await capture(command, args, { timeoutMs: 600_000, ...options });
  if (code === 0) return output;
  const lines = output.trimEnd().split('\n').slice(0, SHOWN_LINES).join('\n');
  throw new Problem(`${what} failed: ${command} ${args.join(' ')}\n${lines}`);
}

/** Runs a command with this terminal; its exit code. */
export function attach(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', cwd: root, ...options });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
