// Prints the sync windows of Argo CD for the freeze windows of the canary controller. docs/gitops.md explains it.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { built } from './lib/built.mjs';
import { isMain, Problem, report } from './lib/run.mjs';

const HELP = `node scripts/sync-windows.mjs <environment> [file]

Reads the JSON of CANARY_FREEZE_WINDOWS from the file, else from that variable, and prints
\`syncWindows\` of that environment for the chart argocd/: {"syncWindows": […]}`;

/** `text`: JSON of freeze windows. Throws a Problem with the first fault. */
async function windowsOf(environment, text) {
  const { freezeFault, syncWindows } = await built(() => [import('@frontier/policy/freeze')]);
  let windows;
  try {
    windows = JSON.parse(text);
  } catch (error) {
    throw new Problem(`CANARY_FREEZE_WINDOWS is not JSON: ${error.message}`);
  }
  if (!Array.isArray(windows))
    throw new Problem('CANARY_FREEZE_WINDOWS must be a list of {schedule, minutes, reason}');
  windows.forEach((window, i) => {
    const fault = freezeFault({ schedule: '', reason: '', ...window });
    if (fault) throw new Problem(`CANARY_FREEZE_WINDOWS, window ${i}: ${fault}`);
  });
  // The models of the environment, and its platform: in a freeze neither changes.
  return syncWindows(windows, [`${environment}-*`, `frontier-${environment}`]);
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [environment, file] = positionals;
  if (values.help || environment === undefined) return console.log(HELP);
  const text = file === undefined ? process.env.CANARY_FREEZE_WINDOWS || '[]' : readFileSync(file, 'utf8');
  console.log(JSON.stringify({ syncWindows: await windowsOf(environment, text) }, null, 2));
}

if (isMain(import.meta.url)) main().catch(report);
