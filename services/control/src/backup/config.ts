import { durationMs, int, list, type ConfigOf } from '@frontier/kit/config';
import { repositoryShape } from '@frontier/model-store/settings';
import { z } from 'zod';
import { PARTS } from './archive.ts';

/** Settings of the keeper of backups; the environment variable is the key in upper snake case. */
export const backupShape = {
  ...repositoryShape,
  backupFolder: z.string().default('/backup').describe('Folder of all backups'),
  backupParts: list(z.enum(PARTS)).prefault(PARTS.join(',')).describe('What is dumped'),
  backupModels: z
    .stringbool()
    .default(false)
    .describe('Whether the versions of MODEL_REPOSITORY are copied, too'),
  backupKeepNewest: int().min(1).default(120).describe('Dumps of each part that are kept in any case'),
  backupKeepHours: int().min(0).default(24).describe('Of as many hours the last dump is kept'),
  backupKeepDays: int().min(0).default(14).describe('Of as many days the last dump is kept'),
  backupMaxAgeMs: durationMs()
    .default(60_000)
    .describe('Age of the newest dump from which on a backup is late'),
};

export type BackupConfig = ConfigOf<typeof backupShape>;
