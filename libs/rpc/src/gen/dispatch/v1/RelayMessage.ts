// Original file: proto/dispatch/v1/dispatch.proto

import type { TokenChunk as _dispatch_v1_TokenChunk, TokenChunk__Output as _dispatch_v1_TokenChunk__Output } from '../../dispatch/v1/TokenChunk.ts';

export interface RelayMessage {
  'chunks'?: (_dispatch_v1_TokenChunk)[];
}

export interface RelayMessage__Output {
  'chunks': (_dispatch_v1_TokenChunk__Output)[];
}
