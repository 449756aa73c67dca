import { durationMs, int, port, type ConfigOf } from '@frontier/kit/config';
import { queueShape } from '@frontier/kit/queue-config';
import { repositoryShape } from '@frontier/model-store/settings';
import { z } from 'zod';

/** The control service's settings; the environment variable is the key in upper snake case. */
export const shape = {
  ...queueShape,
  ...repositoryShape,
  controlHost: z
    .string()
    .default('127.0.0.1')
    .describe('Address of the admin API; never one that callers of the gateway can reach'),
  controlPort: port().default(8081).describe('Port of the admin API; 0 takes a free one'),
  controlEnvironment: z
    .string()
    .regex(/^[a-z0-9]{1,16}$/, 'must be lower case letters and digits')
    .default('dev')
    .describe('Part of every key: `frn_<environment>_…`; a key of another environment is refused'),
  controlKeyPepper: z
    .string()
    .min(32)
    .max(256)
    .optional()
    .describe(
      'Secret that key hashes depend on; must be set with DATABASE_URL; default: made once, in DATABASE_FOLDER',
    ),
  controlBootstrapKeyFile: z
    .string()
    .optional()
    .describe('Where the first admin key is written to (mode 0600) while there is no key at all'),
  controlAdminKey: z
    .string()
    .optional()
    .describe(
      'An admin key that is there from the start, made outside: where secrets come from a secret store (docs/kubernetes.md)',
    ),
  controlDrainMs: durationMs().default(5_000).describe('How long answers under way may take when it stops'),
  controlMaxConnections: int().min(1).default(200).describe('HTTP connections at most'),
  databaseUrl: z
    .string()
    .optional()
    .describe(
      'PostgreSQL that holds the registry, `postgres://…`; unset: an embedded one in DATABASE_FOLDER',
    ),
  databaseFolder: z.string().default('.frontier/database').describe('Folder of the embedded database'),
  databasePort: port()
    .default(8432)
    .describe(
      'Port on 127.0.0.1 where the embedded database is, for the canary controller too: `postgres://postgres@127.0.0.1:8432/postgres`',
    ),
  governanceFolder: z
    .string()
    .default('governance')
    .describe('Folder of `gates.yaml`, `kpi_acceptance.csv` and `risk_register.csv`, read at each judgement'),
};

export type Config = ConfigOf<typeof shape>;
