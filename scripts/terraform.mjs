// node scripts/terraform.mjs: checks the OpenTofu modules as far as tools and providers are there. docs/terraform.md says
// what each check means.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { capture, isMain, Problem, report, root, which } from './lib/run.mjs';
import { callFaults, checkModule, valueFaults } from './terraform/check.mjs';
import { Schemas } from './terraform/schemas.mjs';

const HELP = `node scripts/terraform.mjs [options]
  --schemas <folder>   also hold resources against the schemas in <folder>/node_modules/@cdktf/provider-*
                       (needs @cdktf/hcl2json there; docs/terraform.md has the npm line)
  --names              name every checked resource`;

const FOLDER = join(root, 'terraform');
/** What is one text in several places, so that all clouds have the same interface. */
const SAME = [
  { folder: 'modules', files: ['variables.tf', 'outputs.tf'] },
  { folder: 'stacks', files: ['variables.tf', 'platform.tf'] },
];
const CLOUDS = ['aws', 'gcp', 'azure'];
const MODULES = [
  ...CLOUDS.map((cloud) => `modules/${cloud}`),
  'modules/platform',
  ...CLOUDS.map((cloud) => `stacks/${cloud}`),
  'environments/local',
];

/** @type {(...path: string[]) => string} */
const read = (...path) => readFileSync(join(FOLDER, ...path), 'utf8');

/** Files that should be equal and are not. */
function differences() {
  return SAME.flatMap(({ folder, files }) =>
    files.flatMap((file) =>
      CLOUDS.slice(1)
        .filter((cloud) => read(folder, cloud, file) !== read(folder, CLOUDS[0], file))
        .map((cloud) => `${folder}/${cloud}/${file} differs from that of ${CLOUDS[0]}`),
    ),
  );
}

/** `tofu` in a folder: ok, FAILED with the output, or why it could not run. */
async function tofu(module, args, timeoutMs) {
  const { code, output } = await capture('tofu', [`-chdir=${join(FOLDER, module)}`, ...args], { timeoutMs });
  return { ok: code === 0, output: output.trim() };
}

/** Providers come from the registry, or from the mirror that TF_CLI_CONFIG_FILE names. */
async function validate(module) {
  const init = await tofu(module, ['init', '-backend=false', '-input=false', '-no-color'], 300_000);
  if (!init.ok) {
    // Where CI runs, a registry can be reached: not to have checked is a failure.
    if (process.env.CI) return [{ verdict: 'FAILED', output: init.output }];
    return [{ verdict: 'no providers', output: '' }];
  }
  const valid = await tofu(module, ['validate', '-no-color'], 120_000);
  const results = [{ verdict: valid.ok ? 'ok' : 'FAILED', output: valid.output }];
  if (!existsSync(join(FOLDER, module, 'tests'))) return results;
  const test = await tofu(module, ['test', '-no-color'], 300_000);
  return [...results, { verdict: test.ok ? 'ok' : 'FAILED', output: test.output }];
}

/** All .tf files of a folder as one document of hcl2json. */
async function parse(parser, module) {
  const files = readdirSync(join(FOLDER, module)).filter((file) => file.endsWith('.tf'));
  const text = files.map((file) => read(module, file)).join('\n');
  try {
    return await parser.parse(`${module}.tf`, text);
  } catch (error) {
    throw new Problem(`terraform/${module}: ${error.message ?? error}`);
  }
}

async function schemaRows(folder) {
  const parser = createRequire(join(resolve(folder), 'package.json'))('@cdktf/hcl2json');
  const schemas = new Schemas(folder);
  const parsed = new Map();
  for (const module of MODULES) parsed.set(module, await parse(parser, module));
  const environments = readdirSync(join(FOLDER, 'environments')).filter((file) => file.endsWith('.tfvars'));
  return Promise.all(
    MODULES.map(async (module) => {
      const row = checkModule(parsed.get(module), schemas);
      row.faults.push(...callFaults(parsed.get(module), (source) => parsed.get(join(module, source))));
      for (const file of module.startsWith('stacks/') ? environments : []) {
        const values = await parser.parse(file, read('environments', file));
        row.faults.push(
          ...valueFaults(values, parsed.get(module)).map((fault) => `environments/${file}: ${fault}`),
        );
      }
      return row;
    }),
  );
}

async function main() {
  const { values } = parseArgs({
    options: { schemas: { type: 'string' }, names: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help) return console.log(HELP);
  const faults = differences();
  const hasTofu = which('tofu') !== undefined;
  if (!hasTofu && process.env.CI) throw new Problem('There is no tofu on PATH: install OpenTofu.');
  const checked = values.schemas ? await schemaRows(values.schemas) : [];
  let format = 'no tofu';
  if (hasTofu) {
    const formatted = await tofu('.', ['fmt', '-check', '-recursive'], 60_000);
    format = formatted.ok ? 'ok' : 'FAILED';
    if (!formatted.ok) faults.push(`not formatted (tofu fmt -recursive terraform): ${formatted.output}`);
  }
  const rows = [];
  for (const [index, module] of MODULES.entries()) {
    const [valid, test] = hasTofu ? await validate(module) : [{ verdict: 'no tofu' }];
    for (const { verdict, output } of [valid, ...(test ? [test] : [])]) {
      if (verdict === 'FAILED') faults.push(`terraform/${module}:\n${output}`);
    }
    const schema = checked[index];
    faults.push(...(schema?.faults ?? []).map((fault) => `terraform/${module}: ${fault}`));
    rows.push([module, format, valid.verdict, test?.verdict ?? '-', schemaCell(schema)]);
    if (values.names && schema) printNames(module, schema);
  }
  printTable([['module', 'format', 'validate', 'test', 'schemas'], ...rows]);
  if (faults.length > 0) throw new Problem(faults.join('\n'));
}

function printNames(module, { checked, unknown }) {
  console.log(`${module}:`);
  for (const name of checked) console.log(`  ${name}`);
  for (const name of unknown) console.log(`  ${name} (no schema)`);
}

function schemaCell(schema) {
  if (!schema) return 'not run';
  const without = schema.unknown.length > 0 ? `, ${schema.unknown.length} without schema` : '';
  return `${schema.checked.length} blocks, ${schema.faults.length} faults${without}`;
}

function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}

if (isMain(import.meta.url)) main().catch(report);
