// Values that people get wrong, and what the chart must say to them: `set` as for `helm --set-json`, on top of an
// environment; `message` is part of what is printed.

const SCHEDULE = '[{"timezone":"Europe/Berlin","start":"0 25 * * 1-5","end":"0 19 * * 1-5","replicas":4}]';

export const BAD_VALUES = [
  // Typing mistakes and wrong types.
  { set: ['gateway.replica=2'], message: "at '/gateway': additional properties 'replica' not allowed" },
  { set: ['gatewy={}'], message: "additional properties 'gatewy' not allowed" },
  { set: ['gateway.replicas="two"'], message: "at '/gateway/replicas': got string, want integer" },
  { set: ['gateway.replicas=-1'], message: "at '/gateway/replicas': minimum: got -1, want 0" },
  { set: ['image.tag=0.1'], message: "at '/image/tag': got number, want string" },
  { set: ['image.pullPolicy="Sometimes"'], message: "at '/image/pullPolicy': value must be one of" },
  { set: ['workers.cpu.pool="tpu"'], message: "at '/workers/cpu/pool': value must be one of 'cpu', 'gpu'" },
  { set: ['workers.more={"enabled":true}'], message: "missing properties 'pool', 'replicas', 'resources'" },
  { set: ['gateway.settings={"httpPort":80}'], message: "'httpPort' does not match pattern" },
  { set: ['environment="Prod EU"'], message: "at '/environment': 'Prod EU' does not match pattern" },
  {
    set: ['redis.existingSecret="My Secret"'],
    message: "at '/redis/existingSecret': 'My Secret' does not match",
  },
  { set: ['redis.maxMemory="1 gigabyte"'], message: "at '/redis/maxMemory': '1 gigabyte' does not match" },
  { set: ['networkPolicy.gatewayFrom=[{"podselector":{}}]'], message: "additional properties 'podselector' not allowed" }, // prettier-ignore
  { set: ['autoscaling.mode="both"'], message: "at '/autoscaling/mode': value must be one of 'keda', 'hpa', 'none'" }, // prettier-ignore
  { set: ['models.source="repository"', 'models.repository.urls=["s3://bucket"]'], message: "'s3://bucket' does not match pattern" }, // prettier-ignore
  // Combinations that cannot work.
  {
    set: ['redis.enabled=false'],
    message: 'redis.enabled is false and redis.existingSecret is empty: set it to',
  },
  { set: ['postgresql.enabled=false'], message: 'postgresql.enabled is false and postgresql.existingSecret is empty' }, // prettier-ignore
  { set: ['redis.enabled=false', 'redis.replica.enabled=true'], message: 'redis.replica.enabled needs redis.enabled' }, // prettier-ignore
  { environment: 'staging', set: ['redis.existingSecret=""'], message: 'redis.existingSecret is empty: make a Secret (kubectl' }, // prettier-ignore
  { environment: 'prod', set: ['control.existingSecret=""'], message: 'control.existingSecret is empty: make a Secret (kubectl' }, // prettier-ignore
  { environment: 'prod', set: ['developmentSecrets=true'], message: 'developmentSecrets is true in the environment prod' }, // prettier-ignore
  { environment: 'prod', set: ['networkPolicy.egress.redis=[]'], message: 'networkPolicy.egress.redis is empty: nobody could reach' }, // prettier-ignore
  { environment: 'prod', set: ['networkPolicy.egress.git=[]'], message: 'networkPolicy.egress.git is empty: the canary controller' }, // prettier-ignore
  { environment: 'prod', set: ['networkPolicy.egress.prometheus=[]'], message: 'networkPolicy.egress.prometheus is empty' }, // prettier-ignore
  {
    environment: 'prod',
    set: ['networkPolicy.egress.models=[]'],
    message: 'networkPolicy.egress.models is empty',
  },
  { set: ['tracingEndpoint="http://collector:4318"'], message: 'networkPolicy.egress.tracing is empty' },
  {
    set: [
      'autoscaling.mode="keda"',
      'autoscaling.prometheusAddress="http://prometheus:9090"',
      'workers.cpu.autoscaling={"minReplicas":1,"maxReplicas":2,"requestsPerReplica":9}',
    ],
    message: 'networkPolicy.redisFrom is empty: KEDA could not read the queues of workers.cpu',
  },
  { environment: 'prod', set: ['canaryController.git.username=""'], message: 'canaryController.git.username is empty' }, // prettier-ignore
  { environment: 'prod', set: ['environment="live"'], message: 'environment live is not in canaryController.git.environments' }, // prettier-ignore
  { environment: 'prod', set: ['models.trustedKeys.files=[]'], message: 'models.trustedKeys needs both' },
  { set: ['models.requireSignature=true'], message: 'models.requireSignature needs models.trustedKeys' },
  { set: ['models.source="volume"'], message: 'models.volume.existingClaim is empty' },
  { set: ['models.source="repository"'], message: 'models.repository.urls is empty' },
  { set: ['models.repository.encrypted=true'], message: 'models.repository.encrypted needs models.repository.existingSecret' }, // prettier-ignore
  { set: ['workers.gpu.enabled=true', 'workers.gpu.nodeSelector=null'], message: 'workers.gpu.nodeSelector is empty for the pool gpu' }, // prettier-ignore
  { set: ['workers.gpu.enabled=true', 'workers.gpu.resources.limits={"nvidia.com/gpu":null}'], message: 'workers.gpu.resources.limits has no nvidia.com/gpu' }, // prettier-ignore
  { set: ['workers.batch.enabled=true'], message: 'workers.batch.models is empty' },
  { set: ['workers.cpu.enabled=false'], message: 'workers: none is enabled' },
  { set: ['podDisruptionBudgets.maxUnavailable=2'], message: 'podDisruptionBudgets.maxUnavailable (2) lets a drain take all 2 replicas' }, // prettier-ignore
  { set: ['httpRoute.enabled=true'], message: 'httpRoute.parentRefs is empty' },
  { set: ['ingress.enabled=true'], message: 'ingress.host is empty' },
  { set: ['autoscaling.mode="hpa"'], message: 'autoscaling.mode is hpa and no pool has autoscaling' },
  {
    set: [`workers.cpu.schedule=${SCHEDULE}`],
    message: 'workers.cpu.schedule needs workers.cpu.autoscaling',
  },
  {
    set: [
      'autoscaling.mode="keda"',
      'autoscaling.prometheusAddress="http://prometheus:9090"',
      'workers.cpu.autoscaling={"minReplicas":1,"maxReplicas":2,"requestsPerReplica":9}',
      'networkPolicy.redisFrom=[{"namespaceSelector":{}}]',
      `workers.cpu.schedule=${SCHEDULE}`,
    ],
    message: 'workers.cpu.schedule[0].start is `0 25 * * 1-5`: `25` is no hour',
  },
];
