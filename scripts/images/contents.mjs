// What is in an image: its SBOM, and whether it holds what it must not.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianComponent, sorted } from '../../images/sbom.mjs';
import { capture, must } from '../lib/run.mjs';

/** Packages that only these images may have. */
const ONLY = {
  'onnxruntime-node': ['worker'],
  sharp: ['worker'],
  bullmq: ['gateway', 'dispatcher', 'canary-controller', 'control'],
  express: ['gateway', 'control'],
  kysely: ['canary-controller', 'control'],
  commander: ['control'],
  git: ['canary-controller'],
  'openssh-client': ['canary-controller'],
};

/** Tools of the repository: in none. */
const NEVER = /^(?:typescript|jest|@jest\/.*|nx|@nx\/.*|@swc\/.*|oxlint.*|prettier|knip|fast-check|pino-pretty|npm)$/; // prettier-ignore

/** What an image holds that it must not, by its SBOM; one sentence each. */
export function faultsOf(image, { components }) {
  return components
    .map(({ name }) => name)
    .filter((name) => NEVER.test(name) || (Object.hasOwn(ONLY, name) && !ONLY[name].includes(image)))
    .map((name) => `${image} holds ${name}: whose dependency is it? (npm explain ${name})`);
}

/** The document that the build wrote, with what else the image has: Node.js and the packages of Debian. */
export async function sbomOf(reference) {
  const folder = await mkdtemp(join(tmpdir(), 'frontier-image-'));
  const container = (await must('looking into an image', 'docker', ['create', reference])).trim();
  try {
    const copy = (path) => ['cp', `${container}:${path}`, folder];
    await must('reading the SBOM', 'docker', copy('/app/sbom.cdx.json'));
    const sbom = JSON.parse(await readFile(join(folder, 'sbom.cdx.json'), 'utf8'));
    // An image without Debian's records has no such folder.
    const records = (await capture('docker', copy('/var/lib/dpkg/status.d'))).code === 0 ? await readRecords(folder) : []; // prettier-ignore
    const parts = [...sbom.components, ...records.map(debianComponent), await nodeComponent(reference)];
    return { ...sbom, components: sorted(parts) };
  } finally {
    await capture('docker', ['rm', container]);
    await rm(folder, { recursive: true });
  }
}

async function readRecords(folder) {
  const names = await readdir(join(folder, 'status.d'));
  const files = names.filter((name) => !name.endsWith('.md5sums'));
  return Promise.all(files.map((name) => readFile(join(folder, 'status.d', name), 'utf8')));
}

async function nodeComponent(reference) {
  const args = ['run', '--rm', '--network=none', reference, '--version'];
  const version = (await must('asking for the version of Node.js', 'docker', args)).trim().slice(1);
  const purl = `pkg:generic/node@${version}`;
  return { type: 'application', 'bom-ref': purl, name: 'node', version, purl };
}
