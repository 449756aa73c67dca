// Original file: proto/dispatch/v1/dispatch.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DispatcherMessage as _dispatch_v1_DispatcherMessage, DispatcherMessage__Output as _dispatch_v1_DispatcherMessage__Output } from '../../dispatch/v1/DispatcherMessage.ts';
import type { GatewayMessage as _dispatch_v1_GatewayMessage, GatewayMessage__Output as _dispatch_v1_GatewayMessage__Output } from '../../dispatch/v1/GatewayMessage.ts';
import type { RelayMessage as _dispatch_v1_RelayMessage, RelayMessage__Output as _dispatch_v1_RelayMessage__Output } from '../../dispatch/v1/RelayMessage.ts';
import type { WorkerMessage as _dispatch_v1_WorkerMessage, WorkerMessage__Output as _dispatch_v1_WorkerMessage__Output } from '../../dispatch/v1/WorkerMessage.ts';

export interface DispatchServiceClient extends grpc.Client {
  Relay(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_dispatch_v1_GatewayMessage, _dispatch_v1_RelayMessage__Output>;
  Relay(options?: grpc.CallOptions): grpc.ClientDuplexStream<_dispatch_v1_GatewayMessage, _dispatch_v1_RelayMessage__Output>;
  relay(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_dispatch_v1_GatewayMessage, _dispatch_v1_RelayMessage__Output>;
  relay(options?: grpc.CallOptions): grpc.ClientDuplexStream<_dispatch_v1_GatewayMessage, _dispatch_v1_RelayMessage__Output>;
  
  Work(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_dispatch_v1_WorkerMessage, _dispatch_v1_DispatcherMessage__Output>;
  Work(options?: grpc.CallOptions): grpc.ClientDuplexStream<_dispatch_v1_WorkerMessage, _dispatch_v1_DispatcherMessage__Output>;
  work(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_dispatch_v1_WorkerMessage, _dispatch_v1_DispatcherMessage__Output>;
  work(options?: grpc.CallOptions): grpc.ClientDuplexStream<_dispatch_v1_WorkerMessage, _dispatch_v1_DispatcherMessage__Output>;
  
}

export interface DispatchServiceHandlers extends grpc.UntypedServiceImplementation {
  Relay: grpc.handleBidiStreamingCall<_dispatch_v1_GatewayMessage__Output, _dispatch_v1_RelayMessage>;
  
  Work: grpc.handleBidiStreamingCall<_dispatch_v1_WorkerMessage__Output, _dispatch_v1_DispatcherMessage>;
  
}

export interface DispatchServiceDefinition extends grpc.ServiceDefinition {
  Relay: MethodDefinition<_dispatch_v1_GatewayMessage, _dispatch_v1_RelayMessage, _dispatch_v1_GatewayMessage__Output, _dispatch_v1_RelayMessage__Output>
  Work: MethodDefinition<_dispatch_v1_WorkerMessage, _dispatch_v1_DispatcherMessage, _dispatch_v1_WorkerMessage__Output, _dispatch_v1_DispatcherMessage__Output>
}
