import { join } from 'node:path';
import { parseEnv } from '@frontier/kit/config';
import { runService } from '@frontier/kit/lifecycle';
import { remoteAccess } from '@frontier/model-store/settings';
import { TRUST_FILES, verifyVersion } from '@frontier/model-store/verify';
import { Archive } from './archive.ts';
import { backupShape, type BackupConfig } from './config.ts';
import { Keeper } from './keeper.ts';
import { copyVersions, modelCopies, repositoryAt } from './models.ts';

const HELP = `backup <command>

  run                      tends the dumps until SIGTERM: checksums, rotation, copies of models, metrics
  list                     what there is, the newest first
  verify                   reads all of it again; exits 6 if a dump is broken, or the newest one late
  restore-models <target>  copies the versions into a folder or repository that lacks them

Settings: BACKUP_FOLDER, … (docs/backup.md).
`;
const EXIT = { ok: 0, failed: 1, usage: 2, negative: 6, config: 78 } as const;

const print = (text: string) => process.stdout.write(`${text}\n`);

async function list(config: BackupConfig): Promise<number> {
  for (const part of config.backupParts) {
    for (const { name, at, bytes, sha256 } of await new Archive(config.backupFolder, part).list())
      print(`${part}/${name} ${ageS(at)} s ${bytes} bytes ${sha256?.slice(0, 12) ?? '-'}`);
  }
  const copies = modelCopies(config.backupFolder);
  for (const { name, version } of await copies.list().catch(() => []))
    print(`models/${name}/${version} ${await copies.digest(name, version)}`);
  return EXIT.ok;
}

async function verify(config: BackupConfig): Promise<number> {
  const faults: string[] = [];
  for (const part of config.backupParts) {
    const archive = new Archive(config.backupFolder, part);
    const [newest] = await archive.list();
    if (!newest) faults.push(`${part}: there is no dump`);
    else if (ageS(newest.at) * 1_000 > config.backupMaxAgeMs)
      faults.push(
        `${part}: the newest dump is ${ageS(newest.at)} s old; look at the log of container ${part}`,
      );
    faults.push(...(await archive.faults()));
  }
  const copies = await modelCopies(config.backupFolder).list().catch(() => []); // prettier-ignore
  for (const { name, version } of copies) {
    const folder = join(config.backupFolder, 'models', name, version);
    const trust = { ...TRUST_FILES, requireManifest: true };
    await verifyVersion(folder, trust).catch((error: Error) => faults.push(`${folder}: ${error.message}`));
  }
  for (const fault of faults) print(fault);
  if (faults.length === 0) print('all sound');
  return faults.length === 0 ? EXIT.ok : EXIT.negative;
}

async function restoreModels(config: BackupConfig, target: string): Promise<number> {
  const to = repositoryAt(target, remoteAccess(config));
  const { copied, faults } = await copyVersions(modelCopies(config.backupFolder), to, join(config.backupFolder, 'work')); // prettier-ignore
  for (const line of [...copied, ...faults]) print(line);
  print(`${copied.length} copied, ${faults.length} not`);
  return faults.length === 0 ? EXIT.ok : EXIT.failed;
}

function ageS(at: number): number {
  return Math.round((Date.now() - at) / 1_000);
}

async function run([command, target, ...rest]: string[]): Promise<number | undefined> {
  if (command === 'run' && target === undefined) {
    await runService({ name: 'backup', shape: backupShape, create: (config, context) => new Keeper(config, context) }); // prettier-ignore
    return undefined;
  }
  const config = () => parseEnv(backupShape, process.env);
  if (command === 'restore-models' && target !== undefined && rest.length === 0) return restoreModels(config(), target); // prettier-ignore
  if (command === 'list' && target === undefined) return list(config());
  if (command === 'verify' && target === undefined) return verify(config());
  process.stderr.write(HELP);
  return EXIT.usage;
}

run(process.argv.slice(2))
  .then((code) => {
    if (code !== undefined) process.exitCode = code;
  })
  .catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.name === 'ConfigError' ? EXIT.config : EXIT.failed;
  });
