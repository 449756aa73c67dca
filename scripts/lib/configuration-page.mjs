// docs/configuration.md, made from the schemas that the services themselves read their environment with.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './run.mjs';

const require = createRequire(import.meta.url);

const SERVICES = ['gateway', 'dispatcher', 'worker', 'control', 'canary-controller'];

const INTRODUCTION = `# Configuration

Each service reads its settings from environment variables, once, when it starts. A wrong environment prints all
its faults and exits with 78. Empty variables count as unset. Any variable \`X\` may instead be given as \`X_FILE\`, the
path of a file with its value (one newline at its end does not count), as secrets are mounted in Kubernetes. This page
is made from the schemas by \`npm run generate\`; \`npm start\` sets what one machine needs.`;

/** The page as Markdown; needs a build. */
export function configurationPage() {
  const { commonShape } = require(join(root, 'libs/kit/dist/config.js'));
  const sections = SERVICES.map((name) => {
    const { shape } = require(join(root, `services/${name}/dist/config.js`));
    return section(name, { ...shape });
  });
  return [INTRODUCTION, section('Every service', commonShape), ...sections].join('\n\n');
}

function section(title, shape) {
  const { variableName } = require(join(root, 'libs/kit/dist/config.js'));
  const rows = Object.entries(shape).map(([key, schema]) => {
    // A default that depends on the machine is told in words, at the end of the help text.
    const [, help, inWords] = /^(.*?)(?:(?:;| \() ?default: (.*?)\)?)?$/s.exec(schema.description ?? '');
    const cells = [`\`${variableName(key)}\``, typeOf(schema), inWords ?? defaultOf(schema), help];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  });
  return `## ${title}\n\n| variable | type | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}`;
}

function defaultOf(schema) {
  const { type, defaultValue } = schema.def;
  if (type === 'prefault') return defaultValue === '' ? 'empty' : `\`${defaultValue}\``;
  const result = schema.safeParse(undefined);
  if (!result.success) return '**required**';
  const value = result.data;
  if (value === undefined) return 'unset';
  if (value === '') return 'empty';
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object'))
    return `\`${value.join(',')}\``;
  return `\`${typeof value === 'object' ? JSON.stringify(value) : value}\``;
}

/** In words, from the JSON Schema of what comes out of the text. */
function typeOf(schema) {
  const { z } = require('zod');
  const { type, enum: values, minimum, maximum, items } = z.toJSONSchema(schema, { unrepresentable: 'any' });
  if (values) return values.map((value) => `\`${value}\``).join(', ');
  if (type === 'array')
    return items?.enum ? `list of ${items.enum.map((v) => `\`${v}\``).join(', ')}` : 'list';
  if (type === 'object') return 'JSON';
  if (type !== 'integer' && type !== 'number') return type ?? 'text';
  return `${type}${rangeOf(minimum, maximum)}`;
}

function rangeOf(minimum, maximum) {
  const low = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER;
  const high = maximum !== undefined && maximum < 2 ** 31 - 1;
  if (low && high) return `, ${minimum} to ${maximum}`;
  if (low) return `, from ${minimum}`;
  return high ? `, up to ${maximum}` : '';
}
