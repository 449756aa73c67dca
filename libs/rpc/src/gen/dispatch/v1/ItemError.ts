// Original file: proto/dispatch/v1/dispatch.proto

import type { Error as _dispatch_v1_Error, Error__Output as _dispatch_v1_Error__Output } from '../../dispatch/v1/Error.ts';

export interface ItemError {
  'index'?: (number);
  'error'?: (_dispatch_v1_Error | null);
}

export interface ItemError__Output {
  'index': (number);
  'error': (_dispatch_v1_Error__Output | null);
}
