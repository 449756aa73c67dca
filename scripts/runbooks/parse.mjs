// A runbook as data: what its commands are, and how each is tried.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/run.mjs';

const FOLDER = join(root, 'docs/runbooks');
const SECTIONS = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation', 'Afterwards'];
const DEFAULT_DEADLINE_S = 200;

/** Names of all runbooks, without `.md`. */
export function runbookNames() {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.md'));
  return files.map((file) => file.slice(0, -'.md'.length)).sort();
}

/**
 * `{name, broken, steps, faults}`. A step is a fenced block: `{section, line, code}` and, from its info string,
 * `match` (a regular expression that the output must have), `exit` (the exit codes that are right, default 0),
 * `deadline` (seconds) and `skip` (why it is not run by the test). `broken` names the state in which they are run.
 */
export function readRunbook(name) {
  return parseRunbook(name, readFileSync(join(FOLDER, `${name}.md`), 'utf8'));
}

/** @public Used by the tests in a process of their own. */
export function parseRunbook(name, text) {
  const faults = [];
  const lines = text.split('\n');
  const broken = /^<!-- broken: ([a-z-]+) -->$/m.exec(text)?.[1];
  if (!broken)
    faults.push('no line <!-- broken: <state> --> that says in which state its commands are tried');
  const headings = lines.filter((line) => line.startsWith('## ')).map((line) => line.slice(3));
  if (headings.join() !== SECTIONS.join()) faults.push(`the sections must be ${SECTIONS.join(', ')}`);
  const steps = stepsOf(lines, faults);
  const [first] = steps;
  if (!first?.code.startsWith('NAMESPACE=frontier') || first.section !== '')
    faults.push('the first block must set NAMESPACE=frontier, above all sections');
  if (!steps.some((step) => step.section !== '' && !step.skip)) faults.push('no command is tried');
  return { name, broken, steps, faults };
}

function stepsOf(lines, faults) {
  const steps = [];
  let section = '';
  let open;
  for (const [i, line] of lines.entries()) {
    if (open) {
      if (line === '```') {
        steps.push({ ...open, code: lines.slice(open.line, i).join('\n') });
        open = undefined;
      }
    } else if (line.startsWith('```'))
      open = { section, line: i + 1, ...infoOf(line.slice(3), i + 1, faults) };
    else if (line.startsWith('## ')) section = line.slice(3);
  }
  if (open) faults.push(`line ${open.line}: the block has no end`);
  return steps;
}

/** `sh match="…" exit="0|6" deadline="60" skip="why"` */
function infoOf(info, line, faults) {
  const [, attributes] = /^sh((?: [a-z]+="[^"]*")*)$/.exec(info) ?? [];
  if (attributes === undefined) {
    faults.push(
      `line ${line}: a block must begin with sh and say only match="", exit="", deadline="" or skip=""`,
    );
    return {};
  }
  const found = {};
  for (const [, key, value] of attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)) found[key] = value;
  const { match, exit = '0', deadline = `${DEFAULT_DEADLINE_S}`, skip, ...unknown } = found;
  for (const key of Object.keys(unknown)) faults.push(`line ${line}: ${key}= is nothing`);
  if (skip !== undefined && skip.length < 10) faults.push(`line ${line}: skip= has to say why`);
  if (!/^\d+(?:\|\d+)*$/.test(exit)) faults.push(`line ${line}: exit= must be codes, like 0|6`);
  if (!/^[1-9]\d{0,3}$/.test(deadline)) faults.push(`line ${line}: deadline= must be seconds`);
  return {
    match,
    exit: exit.split('|').map(Number),
    expectsFailure: exit !== '0',
    deadlineS: Number(deadline),
    skip,
  };
}
