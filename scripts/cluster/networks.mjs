// What the network policies let through, tried from inside of the pods: the table of
// helm/frontier/templates/network-policies.yaml, and a pod that belongs to nobody.
import { startPod } from './pod.mjs';

const NODE = '/nodejs/bin/node';
const TRY_MS = 2_000;
const STRANGER = 'stranger';

/** Addresses within the namespace; the last is outside of everything. */
const targetsOf = (release) => ({
  gateway: `${release}-gateway:8080`,
  'gateway by gRPC': `${release}-gateway:50051`,
  dispatcher: `${release}-dispatcher:50052`,
  control: `${release}-control:8081`,
  redis: `${release}-redis:6379`,
  postgresql: `${release}-postgresql:5432`,
  'the API server': 'kubernetes.default:443',
});

/** Who may reach what; all else is forbidden. With values-dev.yaml the gateway is open; strangers have no policy. */
const ALLOWED = {
  gateway: ['dispatcher', 'redis'],
  dispatcher: ['redis'],
  'worker-cpu': ['dispatcher'],
  control: ['gateway', 'redis', 'postgresql'],
  'canary-controller': ['gateway', 'redis', 'postgresql'],
  [STRANGER]: ['gateway', 'gateway by gRPC', 'the API server'],
};

const PROGRAM = `
const net = require('node:net');
const one = (address) => new Promise((resolve) => {
  const [host, port] = address.split(':');
  const socket = net.connect({ host, port: Number(port) });
  const end = (open) => { socket.destroy(); resolve([address, open]); };
  socket.setTimeout(${TRY_MS}, () => end(false));
  socket.on('connect', () => end(true));
  socket.on('error', (error) => end(error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN' ? error.code : false));
});
Promise.all(process.argv.slice(1).map(one)).then((all) => console.log(JSON.stringify(Object.fromEntries(all))));`;

/** `{cluster, namespace, version, release?}`; gives `{faults, facts}`, facts: how many ways were tried. */
export async function networks({ cluster, namespace, version, release = 'frontier' }) {
  const targets = targetsOf(release);
  const faults = [];
  let tried = 0;
  const command = [NODE, '-e', 'setInterval(() => {}, 60_000)'];
  await startPod(cluster, namespace, { name: STRANGER, image: `frontier/gateway:${version}`, command });
  try {
    for (const [source, allowed] of Object.entries(ALLOWED)) {
      const pod = source === STRANGER ? `pod/${STRANGER}` : `deployment/${release}-${source}`;
      // Its own port is not a way that matters.
      const others = Object.entries(targets).filter(([name]) => name.split(' ')[0] !== source);
      const addresses = others.map(([, address]) => address);
      const output = await cluster.kubectl(['-n', namespace, 'exec', pod, '--', NODE, '-e', PROGRAM, ...addresses]); // prettier-ignore
      const open = JSON.parse(output.trim().split('\n').at(-1));
      for (const [name, address] of others) {
        tried += 1;
        const must = allowed.includes(name);
        if (open[address] === must) continue;
        faults.push(`${source} ${must ? 'cannot reach' : 'reaches'} ${name} (${address}: ${open[address]})`);
      }
    }
  } finally {
    await cluster.kubectl(['-n', namespace, 'delete', 'pod', STRANGER, '--grace-period=1']);
  }
  return { faults, facts: { tried } };
}
