import { z } from 'zod';
import { durationMs, flag, list, type ConfigOf } from '@frontier/kit/config';
import { readEncryptionKey } from './encryption.ts';
import { openRemote, type RemoteAccess } from './remote.ts';
import { loadTrust, type Trust } from './verify.ts';
import type { RepositoryOptions } from './watch.ts';

/** The settings of everybody who reads models; the same everywhere. */
export const repositoryShape = {
  modelRepository: list(z.string())
    .prefault('models')
    .describe(
      'Where models are, separated by commas: folders `<folder>/<name>/<version>/model.yaml`, or repositories `file:///folder`, `s3+https://host/bucket/prefix?region=…`, `oci+https://host/repository`',
    ),
  modelPollMs: durationMs()
    .min(10)
    .default(2_000)
    .describe('How often these are looked at for versions that came or went'),
  modelCache: z
    .string()
    .default('.frontier/models')
    .describe('Folder for the versions that were fetched from repositories; processes may share it'),
  modelTrustedKeys: list(z.string())
    .prefault('')
    .describe(
      'Files with public keys (PEM, Ed25519 or ECDSA P-256), separated by commas: a signature must be by one of them',
    ),
  modelRequireManifest: flag()
    .default(false)
    .describe('Whether a version without `manifest.json` is refused'),
  modelRequireSignature: flag().default(false).describe('Whether a version without a signature is refused'),
  modelEncryptionKey: z
    .string()
    .default('')
    .describe('File with the key (32 bytes as base64) that opens encrypted repositories'),
  modelS3AccessKeyId: z.string().default('').describe('Access key of the S3-compatible storage'),
  modelS3SecretAccessKey: z.string().default('').describe('Its secret'),
  modelOciUsername: z.string().default('').describe('User of the OCI registry; empty: nobody'),
  modelOciPassword: z.string().default('').describe('Password or token of that user'),
};

export type RepositoryConfig = ConfigOf<typeof repositoryShape>;

/** What a watcher needs, by the settings. Throws for a key file or a URL that is wrong. */
export function repositoryOptions(config: RepositoryConfig): RepositoryOptions & { trust: Trust } {
  const { modelTrustedKeys, modelRequireManifest: requireManifest, modelRequireSignature } = config;
  const trust = loadTrust(modelTrustedKeys, {
    requireManifest,
    requireSignature: modelRequireSignature,
  });
  const access = remoteAccess(config);
  return {
    folders: config.modelRepository.filter((place) => !isUrl(place)),
    remotes: config.modelRepository.filter(isUrl).map((url) => openRemote(url, access)),
    everyMs: config.modelPollMs,
    cache: config.modelCache,
    trust,
  };
}

/** The credentials and the key among the settings. */
export function remoteAccess(config: RepositoryConfig): RemoteAccess {
  const access: RemoteAccess = {};
  const { modelS3AccessKeyId: accessKeyId, modelS3SecretAccessKey: secretAccessKey } = config;
  const { modelOciUsername: username, modelOciPassword: password } = config;
  if (accessKeyId !== '') access.s3 = { accessKeyId, secretAccessKey };
  if (username !== '') access.oci = { username, password };
  if (config.modelEncryptionKey !== '') access.encryptionKey = readEncryptionKey(config.modelEncryptionKey); // prettier-ignore
  return access;
}

function isUrl(place: string): boolean {
  return /^[a-z][a-z0-9+]*:\/\//.test(place);
}
