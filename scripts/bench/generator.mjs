// A process of its own that offers one load and reports what it measured: forked by bench.mjs, one job at a time.
import { GrpcClient } from './grpc-client.mjs';
import { HttpClient } from './http-client.mjs';
import { offer } from './load.mjs';
import { runStreams } from './streams.mjs';
import { encodeWorkload } from './workloads.mjs';

/** Offers requests over HTTP or gRPC, or (without `protocol`) streams; `onMeasuring` marks the measured window. */
async function run({ protocol, target, workload, load }, onMeasuring) {
  if (!protocol) return runStreams(target, load, onMeasuring);
  const encoded = encodeWorkload(workload);
  const client =
    protocol === 'http' ? new HttpClient(target, encoded.http) : new GrpcClient(target, encoded.grpc);
  const recorder = await offer(client, load, onMeasuring);
  const { connections } = client;
  client.close();
  return { ...recorder.summary(), connections };
}

async function runMeasured(job) {
  let cpu;
  const result = await run(job, (edge) => {
    cpu = process.cpuUsage(cpu);
    process.send({ type: edge });
  });
  return { ...result, generatorCpuS: (cpu.user + cpu.system) / 1e6 };
}

process.on('message', (job) => {
  runMeasured(job).then(
    (result) => process.send({ type: 'result', result }),
    (error) => process.send({ type: 'failed', message: error.stack }),
  );
});
process.on('disconnect', () => process.exit(0));
