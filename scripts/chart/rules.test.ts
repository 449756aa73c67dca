import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/*
 * The rules that rendered objects are held against must find what they are for. The scripts are ES modules, so they
 * are asked from outside.
 */

const container = {
  name: 'c',
  image: 'frontier/gateway:0.1.0',
  env: [{ name: 'REDIS_URL_FILE', value: '/secrets/redis/url' }],
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
  resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '1Gi' } },
};
const pod = {
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [container],
};
const labels = { app: 'a' };

function deployment(spec: object = pod) {
  return {
    kind: 'Deployment',
    metadata: { name: 'a' },
    spec: { replicas: 2, template: { metadata: { labels }, spec } },
  };
}

function budget(maxUnavailable: number, matchLabels: object = labels) {
  return {
    kind: 'PodDisruptionBudget',
    metadata: { name: 'b' },
    spec: { maxUnavailable, selector: { matchLabels } },
  };
}

const withContainer = (changes: object) => deployment({ ...pod, containers: [{ ...container, ...changes }] });
const scaler = (kind: string) => ({
  kind,
  metadata: { name: kind },
  spec: { scaleTargetRef: { name: 'a' } },
});
const policy = (matchLabels: object) => ({
  kind: 'NetworkPolicy',
  metadata: { name: 'n' },
  spec: { podSelector: { matchLabels }, policyTypes: ['Ingress', 'Egress'] },
});
const service = (selector: object) => ({ kind: 'Service', metadata: { name: 's' }, spec: { selector } });

function faultsOf(objects: object[]): string[] {
  const code = `import { faultsOf } from './rules.mjs';
    console.log(JSON.stringify(faultsOf(${JSON.stringify(objects)})));`;
  const args = ['--input-type=module', '--eval', code];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: join(__dirname), encoding: 'utf8' }));
}

test('what is as it must be has no faults', () => {
  expect(faultsOf([deployment(), budget(1), policy({}), service(labels)])).toEqual([]);
});

test.each([
  ['root', [deployment({ ...pod, securityContext: {} })], 'may run as root'],
  ['token', [deployment({ ...pod, automountServiceAccountToken: true })], 'has a token'],
  ['writable root', [withContainer({ securityContext: {} })], 'has a writable root'],
  ['no limits', [withContainer({ resources: {} })], 'has no limit of memory'],
  ['no version', [withContainer({ image: 'frontier/gateway:latest' })], 'has no version'],
  ['secret', [withContainer({ env: [{ name: 'DATABASE_URL', value: 'postgres://u:p@h/d' }] })], 'mount it'],
  ['twins', [deployment(), deployment()], 'is there twice'],
  ['budget of all', [deployment(), budget(2)], 'allows 2 of 2'],
  ['budget of none', [deployment(), budget(0)], 'allows 0 of 2'],
  ['budget of nobody', [deployment(), budget(1, { app: 'b' })], 'selects 0 Deployments'],
  ['two scalers', [scaler('ScaledObject'), scaler('HorizontalPodAutoscaler')], 'has two scalers'],
  ['no policy', [deployment(), policy({ app: 'b' })], 'has no network policy'],
  ['empty service', [deployment(), service({ app: 'b' })], 'leads to no pod'],
])('%s is found', (_, objects, fault) => {
  expect(faultsOf(objects).join('\n')).toContain(fault);
});
