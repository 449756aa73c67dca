// A gRPC call to inference.v1.InferenceService, for where grpcurl is not installed.
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { root } from './lib/run.mjs';

const HELP = `usage: node scripts/grpc-call.mjs <host:port> <Infer|StreamInfer> '<request as JSON>'`;
const DEADLINE_MS = 60_000;

const require = createRequire(import.meta.url);
const { credentials, loadPackageDefinition } = require('@grpc/grpc-js');
const { loadSync } = require('@grpc/proto-loader');

const [target, method, text] = process.argv.slice(2);
if (!target || !['Infer', 'StreamInfer'].includes(method) || !text) {
  console.error(HELP);
  process.exit(2);
}

const definition = loadSync(join(root, 'proto/inference/v1/inference.proto'), {
  keepCase: true,
  longs: Number,
  enums: String,
  oneofs: true,
});
const { InferenceService } = loadPackageDefinition(definition).inference.v1;
const client = new InferenceService(target, credentials.createInsecure());
const options = { deadline: Date.now() + DEADLINE_MS };

const fail = (error) => {
  console.error(`${error.code} ${error.details}`);
  process.exitCode = 1;
  client.close();
};

if (method === 'Infer') {
  client.Infer(JSON.parse(text), options, (error, answer) => {
    if (error) return fail(error);
    console.log(JSON.stringify(answer, null, 2));
    client.close();
  });
} else {
  client
    .StreamInfer(JSON.parse(text), options)
    .on('data', (chunk) => process.stdout.write(chunk.text))
    .on('error', fail)
    .on('end', () => {
      process.stdout.write('\n');
      client.close();
    });
}
