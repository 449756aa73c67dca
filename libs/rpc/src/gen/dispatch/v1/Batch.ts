// Original file: proto/dispatch/v1/dispatch.proto

import type { Item as _dispatch_v1_Item, Item__Output as _dispatch_v1_Item__Output } from '../../dispatch/v1/Item.ts';
import type { PackedTensor as _dispatch_v1_PackedTensor, PackedTensor__Output as _dispatch_v1_PackedTensor__Output } from '../../dispatch/v1/PackedTensor.ts';

export interface Batch {
  'id'?: (string);
  'model'?: (string);
  'version'?: (string);
  'items'?: (_dispatch_v1_Item)[];
  'inputs'?: (_dispatch_v1_PackedTensor)[];
  'traceparent'?: (string);
  'timeout_ms'?: (number);
}

export interface Batch__Output {
  'id': (string);
  'model': (string);
  'version': (string);
  'items': (_dispatch_v1_Item__Output)[];
  'inputs': (_dispatch_v1_PackedTensor__Output)[];
  'traceparent': (string);
  'timeout_ms': (number);
}
