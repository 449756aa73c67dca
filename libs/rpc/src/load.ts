import { join, resolve } from 'node:path';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';

/** The folder of the `.proto` files: they are read at run time, from the repository's or the image's root. */
const PROTO_ROOT = resolve(__dirname, '../../../proto');

/** Loads one file of `proto/`; int64 arrive as numbers, oneofs name their member, absent fields have defaults. */
export function loadDefinition(file: string): PackageDefinition {
  return loadSync(join(PROTO_ROOT, file), {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
}

export function loadPackage<T>(file: string): T {
  return loadPackageDefinition(loadDefinition(file)) as T;
}
