// Seals, publishes, lists, fetches and verifies versions of models. docs/models.md explains it.
import { createPrivateKey } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { built } from './lib/built.mjs';

const HELP = `node scripts/model.mjs <command>

  seal <folder> [--key <file>]       writes manifest.json, and model.sig with a private key (PEM)
  verify <folder>                    checks manifest, files, external data, and the signature against MODEL_TRUSTED_KEYS
  publish <folder> --to <repository> stores a sealed version, once and for all
  list --from <repository>
  fetch <name> <version> <folder> --from <repository>

A repository is file:///folder, s3+https://host/bucket/prefix?region=… or oci+https://host/repository.
Credentials and keys are settings: MODEL_S3_ACCESS_KEY_ID, … (docs/configuration.md).
`;

const EXIT = { ok: 0, failed: 1, usage: 2 };

const print = (line) => process.stdout.write(`${line}\n`);
const say = (line) => process.stderr.write(`${line}\n`);

class UsageError extends Error {}

/** The libraries, which have to be built. */
const libraries = () =>
  built(() => [
    import('@frontier/kit/config'),
    import('@frontier/model-store/remote'),
    import('@frontier/model-store/seal'),
    import('@frontier/model-store/settings'),
    import('@frontier/model-store/verify'),
  ]);

const COMMANDS = {
  async seal({ lib, places: [folder], options }) {
    const key = options.key && createPrivateKey(await readFile(need(options.key, '--key'), 'utf8'));
    print(await lib.sealVersion(need(folder, 'a folder'), key));
  },

  async verify({ lib, config, places: [folder] }) {
    const trust = lib.loadTrust(config.modelTrustedKeys, {
      requireManifest: true,
      requireSignature: config.modelTrustedKeys.length > 0,
    });
    const { digest } = await lib.verifyVersion(need(folder, 'a folder'), trust);
    print(digest);
  },

  async publish({ repository, places: [folder], options }) {
    const { name, version, digest } = await repository(options.to, '--to').publish(need(folder, 'a folder'));
    print(`${name}@${version} ${digest}`);
  },

  async list({ repository, options }) {
    const versions = await repository(options.from, '--from').list();
    for (const { name, version } of versions) print(`${name}@${version}`);
  },

  async fetch({ repository, places: [name, version, folder], options }) {
    await mkdir(need(folder, 'a name, a version and a folder'));
    await repository(options.from, '--from').fetch(name, version, folder);
  },
};

function need(value, what) {
  if (!value) throw new UsageError(`${what} is missing`);
  return value;
}

async function run() {
  const { values: options, positionals } = parseArgs({
    options: {
      key: { type: 'string' },
      to: { type: 'string' },
      from: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  const [command, ...places] = positionals;
  if (options.help) return print(HELP);
  if (!command || !Object.hasOwn(COMMANDS, command))
    throw new UsageError(command ? `no command ${command}` : 'a command is missing');
  const lib = await libraries();
  const config = lib.parseEnv(lib.repositoryShape, process.env);
  const access = lib.remoteAccess(config);
  const repository = (url, option) => lib.openRemote(need(url, option), access);
  await COMMANDS[command]({ lib, config, repository, places, options });
}

try {
  await run();
} catch (error) {
  const usage = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS');
  say(usage ? `${error.message}\n\n${HELP}` : error.message);
  process.exitCode = usage ? EXIT.usage : EXIT.failed;
}
