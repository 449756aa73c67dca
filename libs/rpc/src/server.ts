import { isIPv6 } from 'node:net';
import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';

const MiB = 1024 * 1024;

export interface RpcServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Bytes of one received message at most. */
  maxMessageBytes?: number;
  /** Calls of one connection under way at once at most. */
  maxStreams?: number;
  /** A connection whose peer is silent for so long is asked for a sign of life, and dropped when none comes. */
  keepaliveMs?: number;
  /** The definitions that reflection shows; without them it is off. */
  reflect?: PackageDefinition;
}

/** Bytes of a call's metadata at most, as HTTP/2 counts them (32 more for each entry). */
const MAX_METADATA_BYTES = 8 * 1024;

/**
 * A gRPC server with limits, the standard health service and, if wanted, reflection. Plain text: the mesh or a
 * later setting does the encryption.
 */
export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #server: Server;
  readonly #health = new HealthImplementation({ '': 'NOT_SERVING' });
  readonly #names = [''];
  #address: string | undefined;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    const maxStreams = options.maxStreams ?? 100;
    this.#server = new Server({
      'grpc.max_receive_message_length': options.maxMessageBytes ?? 4 * MiB,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': maxStreams,
      'grpc.keepalive_time_ms': options.keepaliveMs ?? 30_000,
      'grpc.keepalive_timeout_ms': Math.min(options.keepaliveMs ?? Infinity, 10_000),
      'grpc.enable_channelz': 0,
    });
    limitMetadata(this.#server, maxStreams);
    this.#health.addToServer(this.#server);
    if (options.reflect) new ReflectionService(options.reflect).addToServer(this.#server);
  }

  addService(definition: ServiceDefinition, handlers: UntypedServiceImplementation): void {
    this.#server.addService(definition, handlers);
    const path = Object.values(definition)[0]?.path ?? '';
    this.#names.push(path.split('/')[1] ?? '');
  }

  /** Listens and reports SERVING; gives the port. Rejects when it is taken. */
  async start(): Promise<number> {
    const { port } = this.#options;
    const host = isIPv6(this.#options.host) ? `[${this.#options.host}]` : this.#options.host;
    const bound = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, actual) => {
        if (error) reject(error);
        else resolve(actual);
      });
    });
    this.#address = `${host}:${bound}`;
    this.#setHealth('SERVING');
    return bound;
  }

  /**
   * Reports NOT_SERVING, takes no new calls, lets those under way end within `graceMs`, then cuts them. By `drain`,
   * since without channelz `forceShutdown` forgets the connections.
   */
  async stop(graceMs: number): Promise<void> {
    this.#setHealth('NOT_SERVING');
    if (this.#address) this.#server.drain(this.#address, graceMs);
    await new Promise((resolve) => this.#server.tryShutdown(resolve));
  }

  #setHealth(status: 'SERVING' | 'NOT_SERVING'): void {
    for (const name of this.#names) this.#health.setStatus(name, status);
  }
}

/**
 * grpc-js has no option for it, so this reaches into the settings that it hands to `http2.createServer`. Without
 * it a caller could send 64 KiB of metadata with every call.
 */
function limitMetadata(server: Server, maxConcurrentStreams: number): void {
  const inner = server as unknown as { commonServerOptions: { settings?: object } };
  inner.commonServerOptions.settings = { maxConcurrentStreams, maxHeaderListSize: MAX_METADATA_BYTES };
}
