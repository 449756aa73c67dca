// Original file: proto/dispatch/v1/dispatch.proto

import type { GenerationEnd as _dispatch_v1_GenerationEnd, GenerationEnd__Output as _dispatch_v1_GenerationEnd__Output } from '../../dispatch/v1/GenerationEnd.ts';

export interface TokenChunk {
  'id'?: (string);
  'epoch'?: (number);
  'offset'?: (number);
  'tokens'?: (number)[];
  'text'?: (string);
  'end'?: (_dispatch_v1_GenerationEnd | null);
}

export interface TokenChunk__Output {
  'id': (string);
  'epoch': (number);
  'offset': (number);
  'tokens': (number)[];
  'text': (string);
  'end': (_dispatch_v1_GenerationEnd__Output | null);
}
