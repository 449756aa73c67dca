import type { KeyObject } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { AppError } from '@frontier/contracts/errors';
import type { VersionRecord } from '@frontier/contracts/registry';
import { SIGNATURE, type Manifest } from '@frontier/model-store/manifest';
import type { ModelRepository } from '@frontier/model-store/model-repository';
import { parseModelYaml } from '@frontier/model-store/model-yaml';
import { repositoryOptions, type RepositoryConfig } from '@frontier/model-store/settings';
import { verifySignature } from '@frontier/model-store/signature';
import { verifyVersion } from '@frontier/model-store/verify';

interface Check {
  check: string;
  passed: boolean;
  finding: string;
}

/** What the evidence of gate G2 says. */
export type ScanReport = {
  schema: 'frontier.scan/v1';
  passed: boolean;
  digest: string;
  checks: Check[];
  /** What the version consists of. */
  files: Manifest['files'];
};

/** Files that hold data and nothing that runs. Pickles, scripts and libraries are none of them. */
const DATA_FILES = new Set(['.onnx', '.onnx_data', '.data', '.json', '.yaml', '.md', '.txt', '.model', '.csv', '.png', '.jpg']); // prettier-ignore
const PLAIN_NAMES = new Set(['LICENSE', 'NOTICE']);
/** Of a report at most; a version has a few. */
const MAX_FILES = 2_000;

/** A version may be large; whoever asks has a deadline of his own. */
const FETCH_MS = 10 * 60_000;

export interface ScannedPlaces {
  folders: readonly string[];
  remotes: readonly ModelRepository[];
  /** Where what lies in `remotes` is fetched to while it is looked at. */
  cache: string;
  /** Of whom versions must be signed by. */
  keys: readonly KeyObject[];
}

/** A scanner of the places that the settings name. Throws for a key file or a URL that is wrong. */
export function scannerOf(config: RepositoryConfig): Scanner {
  const { folders, remotes = [], trust } = repositoryOptions(config);
  return new Scanner({ folders, remotes, cache: config.modelCache, keys: trust.keys });
}

/** Looks at versions as they lie in the model repository, without loading them. */
export class Scanner {
  readonly #places: ScannedPlaces;
  readonly #running = new Set<string>();

  constructor(places: ScannedPlaces) {
    this.#places = places;
  }

  /** Throws CONFLICT while the version is being scanned, NOT_FOUND where its folder is not. */
  async scan(record: VersionRecord, licences: readonly string[]): Promise<ScanReport> {
    const name = `${record.model}@${record.version}`;
    if (this.#running.has(name))
      throw new AppError('CONFLICT', `${name} is being scanned: wait for its report`);
    this.#running.add(name);
    try {
      const folder = await this.#folderOf(record);
      if (folder !== undefined) return await this.#scan(folder, record, licences);
      return await this.#fetched(record, (fetched) => this.#scan(fetched, record, licences));
    } finally {
      this.#running.delete(name);
    }
  }

  async #folderOf({ model, version }: VersionRecord): Promise<string | undefined> {
    for (const folder of this.#places.folders) {
      const path = join(folder, model, version);
      if ((await stat(path).catch(() => undefined))?.isDirectory()) return path;
    }
    return undefined;
  }

  /** What nobody else reads: the cache of those who serve shows a version only when it is fetched, and for good. */
  async #fetched<T>({ model, version }: VersionRecord, look: (folder: string) => Promise<T>): Promise<T> {
    const { cache, remotes } = this.#places;
    await mkdir(cache, { recursive: true });
    const folder = await mkdtemp(join(cache, '.scan-'));
    try {
      for (const remote of remotes) {
        if (await has(remote, model, version)) return await look(folder);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    throw new AppError('NOT_FOUND', `${model}@${version} lies in no model repository of this service: publish it there`); // prettier-ignore

    async function has(remote: ModelRepository, name: string, wanted: string): Promise<boolean> {
      try {
        await remote.fetch(name, wanted, folder, AbortSignal.timeout(FETCH_MS));
        return true;
      } catch (error) {
        if (error instanceof AppError && error.code === 'NOT_FOUND') return false;
        throw error;
      }
    }
  }

  async #scan(folder: string, { digest }: VersionRecord, licences: readonly string[]): Promise<ScanReport> {
    const checks: Check[] = [];
    const check = async (name: string, look: () => string | Promise<string>) => {
      try {
        checks.push({ check: name, passed: true, finding: await look() });
      } catch (error) {
        checks.push({ check: name, passed: false, finding: (error as Error).message });
      }
    };
    let manifest: Manifest | undefined;
    await check('files', async () => {
      // Without keys: who signed is a check of its own.
      const verified = await verifyVersion(folder, {
        keys: [],
        requireManifest: true,
        requireSignature: false,
      });
      if (verified?.digest !== digest)
        throw new Error(`the manifest is ${verified?.digest}, registered is ${digest}`);
      manifest = verified.manifest;
      return `${manifest.files.length} files agree with ${digest}`;
    });
    await check('signature', () => this.#signature(folder, manifest));
    await check('formats', () => formats(manifest));
    await check('licence', () => licence(folder, licences));
    return {
      schema: 'frontier.scan/v1',
      passed: checks.every(({ passed }) => passed),
      digest,
      checks,
      files: manifest?.files.slice(0, MAX_FILES) ?? [],
    };
  }

  async #signature(folder: string, manifest: Manifest | undefined): Promise<string> {
    if (!manifest) throw new Error('not looked at: the files are not right');
    if (this.#places.keys.length === 0) throw new Error('no key is trusted: set MODEL_TRUSTED_KEYS');
    const signature = await readFile(join(folder, SIGNATURE)).catch(() => undefined);
    if (!signature) throw new Error(`there is no ${SIGNATURE}`);
    verifySignature(signature, manifest, this.#places.keys);
    return 'by a trusted key';
  }
}

function formats(manifest: Manifest | undefined): string {
  if (!manifest) throw new Error('not looked at: the files are not right');
  const odd = manifest.files.filter(({ path }) => !DATA_FILES.has(extname(path)) && !PLAIN_NAMES.has(path));
  if (odd.length > 0) throw new Error(`not known to be harmless: ${odd.slice(0, 10).map(({ path }) => path).join(', ')}`); // prettier-ignore
  return 'only data';
}

async function licence(folder: string, licences: readonly string[]): Promise<string> {
  const spec = parseModelYaml(await readFile(join(folder, 'model.yaml'), 'utf8'));
  const [first = ''] = spec.licence.split(/[\s,;]/);
  if (!licences.includes(first))
    throw new Error(`${spec.licence.slice(0, 200)}: not one of ${licences.join(', ')}`);
  return first;
}
