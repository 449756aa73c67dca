import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { InferRequest as _inference_v1_InferRequest, InferRequest__Output as _inference_v1_InferRequest__Output } from './inference/v1/InferRequest.ts';
import type { InferResponse as _inference_v1_InferResponse, InferResponse__Output as _inference_v1_InferResponse__Output } from './inference/v1/InferResponse.ts';
import type { InferenceServiceClient as _inference_v1_InferenceServiceClient, InferenceServiceDefinition as _inference_v1_InferenceServiceDefinition } from './inference/v1/InferenceService.ts';
import type { Tensor as _inference_v1_Tensor, Tensor__Output as _inference_v1_Tensor__Output } from './inference/v1/Tensor.ts';
import type { TokenChunk as _inference_v1_TokenChunk, TokenChunk__Output as _inference_v1_TokenChunk__Output } from './inference/v1/TokenChunk.ts';
import type { Usage as _inference_v1_Usage, Usage__Output as _inference_v1_Usage__Output } from './inference/v1/Usage.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  inference: {
    v1: {
      InferRequest: MessageTypeDefinition<_inference_v1_InferRequest, _inference_v1_InferRequest__Output>
      InferResponse: MessageTypeDefinition<_inference_v1_InferResponse, _inference_v1_InferResponse__Output>
      InferenceService: SubtypeConstructor<typeof grpc.Client, _inference_v1_InferenceServiceClient> & { service: _inference_v1_InferenceServiceDefinition }
      Tensor: MessageTypeDefinition<_inference_v1_Tensor, _inference_v1_Tensor__Output>
      TokenChunk: MessageTypeDefinition<_inference_v1_TokenChunk, _inference_v1_TokenChunk__Output>
      Usage: MessageTypeDefinition<_inference_v1_Usage, _inference_v1_Usage__Output>
    }
  }
}

