// Original file: proto/inference/v1/inference.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { InferRequest as _inference_v1_InferRequest, InferRequest__Output as _inference_v1_InferRequest__Output } from '../../inference/v1/InferRequest.ts';
import type { InferResponse as _inference_v1_InferResponse, InferResponse__Output as _inference_v1_InferResponse__Output } from '../../inference/v1/InferResponse.ts';
import type { TokenChunk as _inference_v1_TokenChunk, TokenChunk__Output as _inference_v1_TokenChunk__Output } from '../../inference/v1/TokenChunk.ts';

export interface InferenceServiceClient extends grpc.Client {
  Infer(argument: _inference_v1_InferRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_inference_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  Infer(argument: _inference_v1_InferRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_inference_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  Infer(argument: _inference_v1_InferRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_inference_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  Infer(argument: _inference_v1_InferRequest, callback: grpc.requestCallback<_inference_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  infer(argument: _inference_v1_InferRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_inference_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  infer(argument: _inference_v1_InferRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_inference_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  infer(argument: _inference_v1_InferRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_inference_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  infer(argument: _inference_v1_InferRequest, callback: grpc.requestCallback<_inference_v1_InferResponse__Output>): grpc.ClientUnaryCall;
  
  StreamInfer(argument: _inference_v1_InferRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_inference_v1_TokenChunk__Output>;
  StreamInfer(argument: _inference_v1_InferRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_inference_v1_TokenChunk__Output>;
  streamInfer(argument: _inference_v1_InferRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_inference_v1_TokenChunk__Output>;
  streamInfer(argument: _inference_v1_InferRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_inference_v1_TokenChunk__Output>;
  
}

export interface InferenceServiceHandlers extends grpc.UntypedServiceImplementation {
  Infer: grpc.handleUnaryCall<_inference_v1_InferRequest__Output, _inference_v1_InferResponse>;
  
  StreamInfer: grpc.handleServerStreamingCall<_inference_v1_InferRequest__Output, _inference_v1_TokenChunk>;
  
}

export interface InferenceServiceDefinition extends grpc.ServiceDefinition {
  Infer: MethodDefinition<_inference_v1_InferRequest, _inference_v1_InferResponse, _inference_v1_InferRequest__Output, _inference_v1_InferResponse__Output>
  StreamInfer: MethodDefinition<_inference_v1_InferRequest, _inference_v1_TokenChunk, _inference_v1_InferRequest__Output, _inference_v1_TokenChunk__Output>
}
