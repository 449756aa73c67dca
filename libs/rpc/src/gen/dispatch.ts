import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Attach as _dispatch_v1_Attach, Attach__Output as _dispatch_v1_Attach__Output } from './dispatch/v1/Attach.ts';
import type { Batch as _dispatch_v1_Batch, Batch__Output as _dispatch_v1_Batch__Output } from './dispatch/v1/Batch.ts';
import type { BatchResult as _dispatch_v1_BatchResult, BatchResult__Output as _dispatch_v1_BatchResult__Output } from './dispatch/v1/BatchResult.ts';
import type { Cancel as _dispatch_v1_Cancel, Cancel__Output as _dispatch_v1_Cancel__Output } from './dispatch/v1/Cancel.ts';
import type { Credit as _dispatch_v1_Credit, Credit__Output as _dispatch_v1_Credit__Output } from './dispatch/v1/Credit.ts';
import type { DispatchServiceClient as _dispatch_v1_DispatchServiceClient, DispatchServiceDefinition as _dispatch_v1_DispatchServiceDefinition } from './dispatch/v1/DispatchService.ts';
import type { DispatcherMessage as _dispatch_v1_DispatcherMessage, DispatcherMessage__Output as _dispatch_v1_DispatcherMessage__Output } from './dispatch/v1/DispatcherMessage.ts';
import type { Drain as _dispatch_v1_Drain, Drain__Output as _dispatch_v1_Drain__Output } from './dispatch/v1/Drain.ts';
import type { Error as _dispatch_v1_Error, Error__Output as _dispatch_v1_Error__Output } from './dispatch/v1/Error.ts';
import type { GatewayMessage as _dispatch_v1_GatewayMessage, GatewayMessage__Output as _dispatch_v1_GatewayMessage__Output } from './dispatch/v1/GatewayMessage.ts';
import type { Generation as _dispatch_v1_Generation, Generation__Output as _dispatch_v1_Generation__Output } from './dispatch/v1/Generation.ts';
import type { GenerationEnd as _dispatch_v1_GenerationEnd, GenerationEnd__Output as _dispatch_v1_GenerationEnd__Output } from './dispatch/v1/GenerationEnd.ts';
import type { Hello as _dispatch_v1_Hello, Hello__Output as _dispatch_v1_Hello__Output } from './dispatch/v1/Hello.ts';
import type { Item as _dispatch_v1_Item, Item__Output as _dispatch_v1_Item__Output } from './dispatch/v1/Item.ts';
import type { ItemError as _dispatch_v1_ItemError, ItemError__Output as _dispatch_v1_ItemError__Output } from './dispatch/v1/ItemError.ts';
import type { ModelOffer as _dispatch_v1_ModelOffer, ModelOffer__Output as _dispatch_v1_ModelOffer__Output } from './dispatch/v1/ModelOffer.ts';
import type { ModelVersion as _dispatch_v1_ModelVersion, ModelVersion__Output as _dispatch_v1_ModelVersion__Output } from './dispatch/v1/ModelVersion.ts';
import type { PackedTensor as _dispatch_v1_PackedTensor, PackedTensor__Output as _dispatch_v1_PackedTensor__Output } from './dispatch/v1/PackedTensor.ts';
import type { Register as _dispatch_v1_Register, Register__Output as _dispatch_v1_Register__Output } from './dispatch/v1/Register.ts';
import type { RelayMessage as _dispatch_v1_RelayMessage, RelayMessage__Output as _dispatch_v1_RelayMessage__Output } from './dispatch/v1/RelayMessage.ts';
import type { Sampling as _dispatch_v1_Sampling, Sampling__Output as _dispatch_v1_Sampling__Output } from './dispatch/v1/Sampling.ts';
import type { TokenChunk as _dispatch_v1_TokenChunk, TokenChunk__Output as _dispatch_v1_TokenChunk__Output } from './dispatch/v1/TokenChunk.ts';
import type { Wanted as _dispatch_v1_Wanted, Wanted__Output as _dispatch_v1_Wanted__Output } from './dispatch/v1/Wanted.ts';
import type { WorkerMessage as _dispatch_v1_WorkerMessage, WorkerMessage__Output as _dispatch_v1_WorkerMessage__Output } from './dispatch/v1/WorkerMessage.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  dispatch: {
    v1: {
      Attach: MessageTypeDefinition<_dispatch_v1_Attach, _dispatch_v1_Attach__Output>
      Batch: MessageTypeDefinition<_dispatch_v1_Batch, _dispatch_v1_Batch__Output>
      BatchResult: MessageTypeDefinition<_dispatch_v1_BatchResult, _dispatch_v1_BatchResult__Output>
      Cancel: MessageTypeDefinition<_dispatch_v1_Cancel, _dispatch_v1_Cancel__Output>
      Credit: MessageTypeDefinition<_dispatch_v1_Credit, _dispatch_v1_Credit__Output>
      DispatchService: SubtypeConstructor<typeof grpc.Client, _dispatch_v1_DispatchServiceClient> & { service: _dispatch_v1_DispatchServiceDefinition }
      DispatcherMessage: MessageTypeDefinition<_dispatch_v1_DispatcherMessage, _dispatch_v1_DispatcherMessage__Output>
      Drain: MessageTypeDefinition<_dispatch_v1_Drain, _dispatch_v1_Drain__Output>
      Error: MessageTypeDefinition<_dispatch_v1_Error, _dispatch_v1_Error__Output>
      GatewayMessage: MessageTypeDefinition<_dispatch_v1_GatewayMessage, _dispatch_v1_GatewayMessage__Output>
      Generation: MessageTypeDefinition<_dispatch_v1_Generation, _dispatch_v1_Generation__Output>
      GenerationEnd: MessageTypeDefinition<_dispatch_v1_GenerationEnd, _dispatch_v1_GenerationEnd__Output>
      Hello: MessageTypeDefinition<_dispatch_v1_Hello, _dispatch_v1_Hello__Output>
      Item: MessageTypeDefinition<_dispatch_v1_Item, _dispatch_v1_Item__Output>
      ItemError: MessageTypeDefinition<_dispatch_v1_ItemError, _dispatch_v1_ItemError__Output>
      ModelOffer: MessageTypeDefinition<_dispatch_v1_ModelOffer, _dispatch_v1_ModelOffer__Output>
      ModelVersion: MessageTypeDefinition<_dispatch_v1_ModelVersion, _dispatch_v1_ModelVersion__Output>
      PackedTensor: MessageTypeDefinition<_dispatch_v1_PackedTensor, _dispatch_v1_PackedTensor__Output>
      Register: MessageTypeDefinition<_dispatch_v1_Register, _dispatch_v1_Register__Output>
      RelayMessage: MessageTypeDefinition<_dispatch_v1_RelayMessage, _dispatch_v1_RelayMessage__Output>
      Sampling: MessageTypeDefinition<_dispatch_v1_Sampling, _dispatch_v1_Sampling__Output>
      TokenChunk: MessageTypeDefinition<_dispatch_v1_TokenChunk, _dispatch_v1_TokenChunk__Output>
      Wanted: MessageTypeDefinition<_dispatch_v1_Wanted, _dispatch_v1_Wanted__Output>
      WorkerMessage: MessageTypeDefinition<_dispatch_v1_WorkerMessage, _dispatch_v1_WorkerMessage__Output>
    }
  }
}

