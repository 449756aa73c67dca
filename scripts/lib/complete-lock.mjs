// npm leaves an optional package out of package-lock.json when the registry in use lacks it, as mirrors often do
// for other platforms; then `npm ci` refuses the whole file, everywhere. This puts such packages back: by version,
// without a digest, and with the platform that their name tells, so that only that platform fetches them.

const OS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const CPU = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];
const LIBC = { gnu: 'glibc', musl: 'musl' };

/** The text of a lock file with every optional package in it; the same text when none misses. */
export function completeLock(text) {
  const lock = JSON.parse(text);
  const missing = Object.entries(lock.packages).flatMap(([path, entry]) =>
    missingOf(lock.packages, path, entry),
  );
  if (missing.length === 0) return text;
  const entries = [...Object.entries(lock.packages), ...missing];
  lock.packages = Object.fromEntries(entries.toSorted(([a], [b]) => a.localeCompare(b, 'en')));
  return `${JSON.stringify(lock, null, 2)}\n`;
}

function missingOf(packages, path, entry) {
  return Object.entries(entry.optionalDependencies ?? {})
    .filter(([name]) => !isThere(packages, path, name))
    .flatMap(([name, version]) => {
      const platform = platformOf(name);
      if (!platform || !/^\d/.test(version)) return [];
      return [
        [`node_modules/${name}`, { version, ...platform, ...(entry.dev && { dev: true }), optional: true }],
      ];
    });
}

/** As Node looks for it: beside the package, then in each folder above. */
function isThere(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]) return true;
    if (folder === '') return false;
  }
}

/** `@swc/core-linux-arm-gnueabihf` → linux, arm; undefined for a name that tells no platform. */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = OS.find((word) => words.includes(word));
  const cpu = CPU.find((word) => words.includes(word));
  const libc = Object.entries(LIBC).find(([word]) => words.includes(word))?.[1];
  return os && cpu && { cpu: [cpu], ...(os === 'linux' && libc && { libc: [libc] }), os: [os] };
}
