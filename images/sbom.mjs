// A CycloneDX document of what is installed: `npm sbom` refuses a folder that has only some of the workspaces.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of the packages in a folder's node_modules, by the record that npm keeps there. Throws where there is none. */
export function sbomOf(folder, name, version) {
  const { packages } = JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8'));
  const components = Object.entries(packages)
    .filter(([path, { link }]) => !link && existsSync(join(folder, path)))
    .map(([path, entry]) => componentOf(entry.name ?? path.split('node_modules/').at(-1), entry));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'container', 'bom-ref': name, name, version } },
    components: sorted(components),
  };
}

/** Each once, in one order. */
export function sorted(components) {
  const byReference = new Map(components.map((component) => [component['bom-ref'], component]));
  return [...byReference].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component);
}

function componentOf(name, { version, license, integrity }) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license && { licenses: [licenceOf(license)] }),
    ...(integrity && { hashes: [{ alg: 'SHA-512', content: hexOf(integrity) }] }),
  };
}

function licenceOf(text) {
  if (/ (?:AND|OR|WITH) /.test(text)) return { expression: text };
  return { license: /\s/.test(text) ? { name: text } : { id: text } };
}

function hexOf(integrity) {
  return Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex');
}

/** Of a Debian package, by its record in `/var/lib/dpkg/status.d`. */
export function debianComponent(record) {
  const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(record)?.[1];
  const [name, version] = [field('Package'), field('Version')];
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${field('Architecture')}&distro=debian-12`;
  return { type: 'library', 'bom-ref': purl, name, version, purl };
}
