// Original file: proto/dispatch/v1/dispatch.proto

import type { PackedTensor as _dispatch_v1_PackedTensor, PackedTensor__Output as _dispatch_v1_PackedTensor__Output } from '../../dispatch/v1/PackedTensor.ts';
import type { ItemError as _dispatch_v1_ItemError, ItemError__Output as _dispatch_v1_ItemError__Output } from '../../dispatch/v1/ItemError.ts';
import type { Error as _dispatch_v1_Error, Error__Output as _dispatch_v1_Error__Output } from '../../dispatch/v1/Error.ts';

export interface BatchResult {
  'batch_id'?: (string);
  'outputs'?: (_dispatch_v1_PackedTensor)[];
  'item_errors'?: (_dispatch_v1_ItemError)[];
  'error'?: (_dispatch_v1_Error | null);
  'compute_us'?: (number);
  'wait_us'?: (number);
  'output_rows'?: (number)[];
}

export interface BatchResult__Output {
  'batch_id': (string);
  'outputs': (_dispatch_v1_PackedTensor__Output)[];
  'item_errors': (_dispatch_v1_ItemError__Output)[];
  'error': (_dispatch_v1_Error__Output | null);
  'compute_us': (number);
  'wait_us': (number);
  'output_rows': (number)[];
}
