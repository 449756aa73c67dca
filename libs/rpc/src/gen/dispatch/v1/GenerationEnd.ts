// Original file: proto/dispatch/v1/dispatch.proto

import type { Error as _dispatch_v1_Error, Error__Output as _dispatch_v1_Error__Output } from '../../dispatch/v1/Error.ts';

export interface GenerationEnd {
  'reason'?: (string);
  'prompt_tokens'?: (number);
  'completion_tokens'?: (number);
  'compute_us'?: (number);
  'error'?: (_dispatch_v1_Error | null);
  'text'?: (string);
}

export interface GenerationEnd__Output {
  'reason': (string);
  'prompt_tokens': (number);
  'completion_tokens': (number);
  'compute_us': (number);
  'error': (_dispatch_v1_Error__Output | null);
  'text': (string);
}
