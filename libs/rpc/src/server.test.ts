import { credentials, loadPackageDefinition, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import type { ProtoGrpcType } from './gen/inference.ts';
import type { InferRequest } from './gen/inference/v1/InferRequest.ts';
import type { InferResponse__Output } from './gen/inference/v1/InferResponse.ts';
import type {
  InferenceServiceClient,
  InferenceServiceHandlers,
} from './gen/inference/v1/InferenceService.ts';
import { loadDefinition, loadPackage } from './load.ts';
import { RpcServer, type RpcServerOptions } from './server.ts';

const { InferenceService } = loadPackage<ProtoGrpcType>('inference/v1/inference.proto').inference.v1;

describe('RpcServer', () => {
  let server: RpcServer;
  let client: InferenceServiceClient;
  let release: () => void = () => {};

  const handlers: Partial<InferenceServiceHandlers> = {
    Infer: ({ request }, callback) => {
      if (request.model === 'slow') release = () => callback(null, { output: 'late' });
      else callback(null, { output: request.model });
    },
  };

  async function start(options: Partial<RpcServerOptions> = {}): Promise<number> {
    server = new RpcServer({ host: '127.0.0.1', port: 0, ...options });
    server.addService(InferenceService.service, handlers as InferenceServiceHandlers);
    const port = await server.start();
    client = new InferenceService(`127.0.0.1:${port}`, credentials.createInsecure());
    return port;
  }

  afterEach(async () => {
    client.close();
    await server.stop(0);
  });

  function infer(request: InferRequest, metadata = new Metadata()): Promise<InferResponse__Output> {
    return new Promise((resolve, reject) => {
      client.Infer(request, metadata, (error, response) => (error ? reject(error) : resolve(response as InferResponse__Output))); // prettier-ignore
    });
  }

  it('refuses messages and metadata over the limits', async () => {
    await start({ maxMessageBytes: 1000 });
    await expect(infer({ model: 'm' })).resolves.toMatchObject({ output: 'm' });
    await expect(infer({ prompt: 'x'.repeat(2000) })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
    const metadata = new Metadata();
    metadata.set('x-large', 'x'.repeat(9000));
    await expect(infer({ model: 'm' }, metadata)).rejects.toHaveProperty('code');
    await expect(infer({ model: 'm' })).resolves.toMatchObject({ output: 'm' });
  });

  it('lets calls end when it stops, and cuts those that do not', async () => {
    await start();
    const call = infer({ model: 'slow' });
    await infer({ model: 'm' });
    const stopped = server.stop(5_000);
    release();
    await expect(call).resolves.toMatchObject({ output: 'late' });
    await stopped;

    await start();
    const cut = infer({ model: 'slow' }).catch((error: ServiceError) => error.code);
    await infer({ model: 'm' });
    await server.stop(20);
    expect([status.CANCELLED, status.UNAVAILABLE]).toContain(await cut);
  });

  it('reports its health by service', async () => {
    const port = await start();
    const health = loadPackageDefinition(loadSync(protoPath, { enums: String })) as unknown as HealthPackage;
    const probe = new health.grpc.health.v1.Health(`127.0.0.1:${port}`, credentials.createInsecure());
    const check = (service: string) =>
      new Promise((resolve, reject) => {
        probe.check({ service }, (error, response) => (error ? reject(error) : resolve(response?.status)));
      });
    await expect(check('')).resolves.toBe('SERVING');
    await expect(check('inference.v1.InferenceService')).resolves.toBe('SERVING');
    await expect(check('other')).rejects.toMatchObject({ code: status.NOT_FOUND });
    probe.close();
  });

  it('shows its services by reflection only when told to', async () => {
    const port = await start({ reflect: loadDefinition('inference/v1/inference.proto') });
    await expect(listServices(port)).resolves.toContain('inference.v1.InferenceService');
    client.close();
    await server.stop(0);
    await expect(start().then(listServices)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });
});

interface HealthPackage {
  grpc: {
    health: { v1: { Health: new (...args: ConstructorParameters<typeof InferenceService>) => HealthClient } };
  };
}

interface HealthClient {
  check(request: object, callback: (error: ServiceError | null, response?: { status: string }) => void): void;
  close(): void;
}

/** Asks as grpcurl does; the messages are small enough to be written by hand. */
function listServices(port: number): Promise<string> {
  const client = new InferenceService(`127.0.0.1:${port}`, credentials.createInsecure());
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const identity = (bytes: Buffer) => bytes;
  const call = client.makeBidiStreamRequest(path, identity, identity);
  return new Promise<string>((resolve, reject) => {
    call.on('data', (bytes: Buffer) => resolve(bytes.toString('latin1')));
    call.on('error', reject);
    // ServerReflectionRequest { string list_services = 7; }
    call.write(Buffer.from([0x3a, 0x01, 0x2a]));
    call.end();
  }).finally(() => client.close());
}
