// What must be true of everything that the chart renders. Each rule gives the faults of one object.

const CONTROLLERS = new Set(['Deployment', 'StatefulSet', 'Job', 'DaemonSet']);

/** Faults of all objects, one line each. */
export function faultsOf(objects) {
  const faults = [...twins(objects), ...budgets(objects), ...twoScalers(objects), ...unguarded(objects)];
  for (const object of objects) {
    const pod = podOf(object);
    if (!pod) continue;
    const name = `${object.kind}/${object.metadata.name}`;
    faults.push(...podFaults(pod).map((fault) => `${name}: ${fault}`));
  }
  return faults;
}

function podOf({ kind, spec }) {
  if (kind === 'Pod') return spec;
  if (kind === 'CronJob') return spec.jobTemplate.spec.template.spec;
  return CONTROLLERS.has(kind) ? spec.template.spec : undefined;
}

/** Restricted Pod Security, no token, and limits. */
function podFaults(pod) {
  const { securityContext: security = {} } = pod;
  const faults = [];
  if (security.runAsNonRoot !== true) faults.push('may run as root');
  if (security.seccompProfile?.type !== 'RuntimeDefault') faults.push('no seccomp profile');
  const asksArgo = pod.containers.some(({ env = [] }) => env.some(({ name }) => name === 'ARGOCD_APPLICATION')); // prettier-ignore
  const hasAccount = asksArgo || (pod.volumes ?? []).some(({ projected }) => projected);
  if (pod.automountServiceAccountToken !== false && !hasAccount)
    faults.push('has a token that it does not use');
  for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
    faults.push(...containerFaults(container).map((fault) => `container ${container.name}: ${fault}`));
  }
  return faults;
}

function containerFaults({ image, securityContext: security = {}, resources = {}, env = [] }) {
  const faults = [];
  if (security.allowPrivilegeEscalation !== false) faults.push('may gain privileges');
  if (security.readOnlyRootFilesystem !== true) faults.push('has a writable root');
  if (security.capabilities?.drop?.join() !== 'ALL') faults.push('keeps capabilities');
  if (!resources.requests?.cpu || !resources.requests?.memory) faults.push('requests nothing');
  if (!resources.limits?.memory) faults.push('has no limit of memory');
  if (!/:[\w.-]+$/.test(image) || image.endsWith(':latest')) faults.push(`image ${image} has no version`);
  for (const { name, value } of env) {
    if (
      /(?:PASSWORD|SECRET|PEPPER|TOKEN|_KEY|REDIS_URL|DATABASE_URL)$/.test(name) &&
      !value?.startsWith('/')
    ) {
      faults.push(`${name} is a secret in the environment: mount it and set ${name}_FILE`);
    }
  }
  return faults;
}

function twins(objects) {
  const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  return names.filter((name, i) => names.indexOf(name) < i).map((name) => `${name} is there twice`);
}

const selects = (labels, pod) => Object.entries(labels).every(([key, value]) => pod[key] === value);

/** A budget that allows nothing holds up every drain; one that allows all protects nothing. */
function budgets(objects) {
  const deployments = objects.filter(({ kind }) => kind === 'Deployment');
  return objects
    .filter(({ kind }) => kind === 'PodDisruptionBudget')
    .flatMap(({ metadata, spec }) => {
      const guarded = deployments.filter((one) => selects(spec.selector.matchLabels, one.spec.template.metadata.labels)); // prettier-ignore
      if (guarded.length !== 1) return [`budget ${metadata.name} selects ${guarded.length} Deployments`];
      const replicas = guarded[0].spec.replicas ?? Infinity;
      const allowed = spec.maxUnavailable ?? replicas - spec.minAvailable;
      return allowed < 1 || allowed >= replicas
        ? [`budget ${metadata.name} allows ${allowed} of ${replicas}`]
        : [];
    });
}

function twoScalers(objects) {
  const targets = objects
    .filter(({ kind }) => kind === 'ScaledObject' || kind === 'HorizontalPodAutoscaler')
    .map(({ spec }) => spec.scaleTargetRef.name);
  return targets.filter((name, i) => targets.indexOf(name) < i).map((name) => `${name} has two scalers`);
}

/** With network policies every pod is denied everything first, and every Service leads to pods that there are. */
function unguarded(objects) {
  const pods = objects.flatMap((object) => {
    const labels = object.kind === 'Pod' ? object.metadata.labels : object.spec?.template?.metadata?.labels;
    return labels ? [{ name: `${object.kind}/${object.metadata.name}`, labels }] : [];
  });
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
  const denied = ({ labels }) =>
    policies.some(
      ({ spec }) => spec.policyTypes.length === 2 && selects(spec.podSelector.matchLabels, labels),
    );
  const services = objects.filter(({ kind }) => kind === 'Service');
  return [
    ...pods
      .filter((pod) => policies.length > 0 && !denied(pod))
      .map(({ name }) => `${name} has no network policy`),
    ...services
      .filter(({ spec }) => !pods.some(({ labels }) => selects(spec.selector, labels)))
      .map(({ metadata }) => `Service/${metadata.name} leads to no pod`),
  ];
}
