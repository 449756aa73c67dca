import { durationMs, flag, int, json, list, type ConfigOf } from '@frontier/kit/config';
import { queueShape } from '@frontier/kit/queue-config';
import { z } from 'zod';
import { freezeWindowsSchema } from './freeze.ts';

/** The controller's settings; the environment variable is the key in upper snake case. */
export const shape = {
  redisUrl: queueShape.redisUrl,
  databaseUrl: z
    .url({ protocol: /^postgres(ql)?$/ })
    .describe('PostgreSQL of the control service: `postgres://…`'),
  prometheusUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Prometheus that scrapes the gateways; unset: the controller reads CANARY_TARGETS itself'),
  canaryTargets: list(z.string().regex(/^.+:\d+$/, 'must be host:port'))
    .prefault('127.0.0.1:9464')
    .describe(
      '`host:port` of the metrics listeners of all gateways, separated by commas; a host may stand for several addresses',
    ),
  canarySourceTimeoutMs: durationMs().min(1).default(2_000).describe('Longest wait for metrics'),
  canaryLeaseMs: durationMs()
    .min(500)
    .default(15_000)
    .describe('How long a controller may be silent before another one takes over'),
  canaryFreeze: flag()
    .default(false)
    .describe('No rollout starts or gets more traffic; a rollback is never held up'),
  canaryFreezeWindows: json(freezeWindowsSchema)
    .prefault('[]')
    .describe(
      'The same at certain times: a JSON array of `{"schedule", "minutes", "reason"}`, where `schedule` is five fields of cron in UTC',
    ),
  governanceFolder: z
    .string()
    .default('governance')
    .describe('Folder of `gates.yaml`, by which a version must have passed G5 before it has all traffic'),
  canaryReports: z.string().min(1).default('reports/canary').describe('Folder of the reports of rollouts'),
  canaryBaselineUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'HTTP base URL of a gateway through which control is measured before a rollout; unset: it is not',
    ),
  canaryBaselineBodies: z
    .string()
    .default('baselines')
    .describe('Folder of the calls of that measurement: `<model>.json`, each a body of `/v1/infer`'),
  canaryBaselineSamples: int().min(10).max(10_000).default(200).describe('Calls of that measurement'),
  gitUrl: z
    .string()
    .optional()
    .describe('Repository of the environments (https, ssh, file or a path); unset: nothing is committed'),
  gitBranch: z.string().default('main').describe('Its branch'),
  gitEnvironments: list(z.string())
    .prefault('dev,staging,prod')
    .describe('Environments in the order in which a version goes through them'),
  gitEnvironment: z.string().default('prod').describe('The one of this installation'),
  gitFolder: z
    .string()
    .default('.frontier/git')
    .describe('Where the copy of that repository lies; it is emptied'),
  gitTimeoutMs: durationMs().min(1).default(20_000).describe('Longest call of `git`'),
  gitUsername: z.string().optional().describe('Name at the repository, for HTTP(S)'),
  gitPasswordFile: z.string().optional().describe('File with the password or token at the repository'),
  gitSshKeyFile: z.string().optional().describe('File with the private key, for SSH'),
  gitKnownHostsFile: z.string().optional().describe('File with the host keys that are believed, for SSH'),
  argocdApplication: z
    .string()
    .regex(/^[a-z0-9{}.-]{1,200}$/, 'must be a name, which may hold {environment} and {model}')
    .refine((name) => name.includes('{model}'), 'must hold {model}')
    .optional()
    .describe(
      'Argo CD Application of a model, e.g. `{environment}-{model}`: a canary is called only when it has synced the commit and is healthy; unset: as soon as Git names it',
    ),
  argocdNamespace: z.string().default('argocd').describe('Where it is'),
  kubernetesUrl: z
    .url({ protocol: /^https$/ })
    .default('https://kubernetes.default.svc')
    .describe('API server, through which Applications are read'),
  kubernetesAccount: z
    .string()
    .default('/var/run/secrets/kubernetes.io/serviceaccount')
    .describe('Folder of `token` and `ca.crt` for it'),
};

export type Config = ConfigOf<typeof shape>;
