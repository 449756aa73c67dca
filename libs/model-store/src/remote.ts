import { fileURLToPath } from 'node:url';
import { DiskStorage } from './disk-storage.ts';
import { StoredRepository, type ModelRepository } from './model-repository.ts';
import type { OciCredentials } from './oci-access.ts';
import { OciStorage } from './oci-storage.ts';
import { S3Storage } from './s3-storage.ts';

export interface RemoteAccess {
  s3?: { accessKeyId: string; secretAccessKey: string };
  oci?: OciCredentials;
  /** Key-encryption key of versions that are encrypted; with it, what is published is encrypted. */
  encryptionKey?: Buffer;
}

/**
 * A repository by its URL: `file:///folder`, `s3+https://host/bucket/prefix?region=eu-central-1`,
 * `oci+https://host/repository`; `s3+http:` and `oci+http:` without TLS. Throws with what is wrong.
 */
export function openRemote(text: string, access: RemoteAccess): ModelRepository {
  const url = new URL(text);
  const [kind, protocol] = url.protocol.slice(0, -1).split('+');
  if (kind === 'file') return new StoredRepository(new DiskStorage(fileURLToPath(url)), access.encryptionKey);
  const origin = `${protocol}://${url.host}`;
  const path = url.pathname.replace(/^\/+|\/+$/g, '');
  if (url.username !== '' || url.password !== '') throw new Error(`${url.host}: credentials do not belong into a URL; they have settings of their own`); // prettier-ignore
  if ((protocol !== 'https' && protocol !== 'http') || path === '')
    throw new Error(`${text}: must be file:///…, s3+https://host/bucket/… or oci+https://host/repository`);
  if (kind === 'oci') {
    const options = { registry: origin, repository: path };
    return new StoredRepository(
      new OciStorage(access.oci ? { ...options, credentials: access.oci } : options),
      access.encryptionKey,
    );
  }
  if (kind !== 's3') throw new Error(`${text}: must begin with file:, s3+https: or oci+https:`);
  if (!access.s3) throw new Error(`${text}: needs an S3 access key and its secret`);
  const [bucket = '', ...prefix] = path.split('/');
  const region = url.searchParams.get('region') ?? 'us-east-1';
  return new StoredRepository(
    new S3Storage({ endpoint: origin, bucket, prefix: prefix.join('/'), region, ...access.s3 }),
    access.encryptionKey,
  );
}
