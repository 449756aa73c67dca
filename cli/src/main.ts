#!/usr/bin/env node
import { run } from './program.ts';

const abort = new AbortController();
process.once('SIGINT', () => abort.abort());
// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const { env, stdin, stdout, stderr } = process;
void run(process.argv.slice(2), { env, stdin, stdout, stderr, signal: abort.signal }).then((code) => {
  process.exitCode = code;
});
