// Original file: proto/dispatch/v1/dispatch.proto

import type { Item as _dispatch_v1_Item, Item__Output as _dispatch_v1_Item__Output } from '../../dispatch/v1/Item.ts';
import type { Sampling as _dispatch_v1_Sampling, Sampling__Output as _dispatch_v1_Sampling__Output } from '../../dispatch/v1/Sampling.ts';

export interface Generation {
  'item'?: (_dispatch_v1_Item | null);
  'model'?: (string);
  'version'?: (string);
  'prompt'?: (string);
  'sampling'?: (_dispatch_v1_Sampling | null);
  'resume'?: (number)[];
  'traceparent'?: (string);
  'timeout_ms'?: (number);
}

export interface Generation__Output {
  'item': (_dispatch_v1_Item__Output | null);
  'model': (string);
  'version': (string);
  'prompt': (string);
  'sampling': (_dispatch_v1_Sampling__Output | null);
  'resume': (number)[];
  'traceparent': (string);
  'timeout_ms': (number);
}
