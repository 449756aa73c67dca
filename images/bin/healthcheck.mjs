#!/nodejs/bin/node
// Whether the service of this container lives. For Docker; Kubernetes asks /healthz itself.
const port = process.env.METRICS_PORT || '9464';
try {
  const { status } = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(5_000) });
  if (status !== 200) throw new Error(`answers ${status}`);
} catch (error) {
  process.stderr.write(`/healthz on port ${port}: ${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
