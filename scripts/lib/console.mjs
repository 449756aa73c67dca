// What the supervisor shows: its own messages, and each child's lines behind the child's name.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

const COLOURS = {
  redis: 31,
  database: 31,
  gateway: 36,
  dispatcher: 35,
  worker: 33,
  control: 34,
  'canary-controller': 34,
  frontier: 32,
};
const WIDTH = Math.max(...Object.keys(COLOURS).map((name) => name.length));

const colourful =
  !process.env.NO_COLOR && (process.env.FORCE_COLOR ? process.env.FORCE_COLOR !== '0' : process.stdout.isTTY);

const paint = (code, text) => (colourful ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = (text) => paint(1, text);

function prefix(name) {
  return paint(COLOURS[name] ?? 37, `${name.padEnd(WIDTH)} |`);
}

export function say(text) {
  for (const line of text.split('\n')) console.log(`${prefix('frontier')} ${line}`);
}

/** Prints lines of one child: JSON logs become readable, everything else stays as it is. */
export function linePrinter(name) {
  // Loaded late: the first run has to install it.
  const { prettyFactory } = require('pino-pretty');
  const pretty = prettyFactory({
    colorize: colourful,
    ignore: 'service,pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });
  return (line) => {
    const text = line.startsWith('{') ? pretty(line) : line;
    for (const part of text.trimEnd().split('\n')) console.log(`${prefix(name)} ${part}`);
  };
}
