// node scripts/ci/release.mjs <tag> [<folder>]: checks that a tag, package.json, the charts and CHANGELOG.md agree on the version, and
// prints the section of the changelog: the text of the release.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const SEMVER =
  /^v(?<version>(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)$/;
const CHARTS = ['helm/frontier/Chart.yaml', 'helm/frontier-model/Chart.yaml'];

/** The lines below `## <version> …`, up to the next heading of that level. */
function sectionOf(changelog, version) {
  const lines = changelog.split('\n');
  const start = lines.findIndex((line) => line === `## ${version}` || line.startsWith(`## ${version} `));
  if (start === -1) return undefined;
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith('## '));
  return lines
    .slice(start + 1, length === -1 ? undefined : start + 1 + length)
    .join('\n')
    .trim();
}

function faultsOf(root, version, section) {
  const { version: ours } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const faults = [];
  if (ours !== version) faults.push(`package.json has ${ours}, the tag ${version}: set it and tag again.`);
  for (const file of CHARTS.filter((chart) => existsSync(join(root, chart)))) {
    const chart = /^appVersion: *['"]?([^'"\s]+)/m.exec(readFileSync(join(root, file), 'utf8'))?.[1];
    if (chart !== version) faults.push(`${file} has appVersion ${chart}, the tag ${version}.`);
  }
  if (!section) faults.push(`CHANGELOG.md has no section "## ${version}" with text: rename "Unreleased".`);
  return faults;
}

function main(tag, root) {
  const version = SEMVER.exec(tag ?? '')?.groups.version;
  if (!version) {
    console.error(`${tag ?? 'No tag'}: a release is a tag like v1.2.3 or v1.3.0-rc.1.`);
    return 2;
  }
  const section = sectionOf(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version);
  const faults = faultsOf(root, version, section);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) return 1;
  console.log(section);
  return 0;
}

process.exitCode = main(process.argv[2], process.argv[3] ?? join(import.meta.dirname, '../..'));
