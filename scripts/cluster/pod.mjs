const SECURITY = { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } };
const CONTAINER_SECURITY = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };

/**
 * Starts a pod of a test's own, named as its container, under restricted Pod Security, and waits `until` it is so
 * (`--for` of `kubectl wait`).
 */
export async function startPod(
  cluster,
  namespace,
  container,
  { volumes = [], until = 'condition=Ready' } = {},
) {
  const { name, image } = container;
  const containers = [{ ...container, securityContext: CONTAINER_SECURITY }];
  const spec = { restartPolicy: 'Never', securityContext: SECURITY, containers, volumes };
  const overrides = JSON.stringify({ apiVersion: 'v1', spec });
  await cluster.kubectl(['-n', namespace, 'run', name, `--image=${image}`, '--restart=Never', `--overrides=${overrides}`]); // prettier-ignore
  await cluster.kubectl(['-n', namespace, 'wait', `pod/${name}`, `--for=${until}`, '--timeout=100s']);
}
