// Original file: proto/dispatch/v1/dispatch.proto

import type { Register as _dispatch_v1_Register, Register__Output as _dispatch_v1_Register__Output } from '../../dispatch/v1/Register.ts';
import type { Credit as _dispatch_v1_Credit, Credit__Output as _dispatch_v1_Credit__Output } from '../../dispatch/v1/Credit.ts';
import type { BatchResult as _dispatch_v1_BatchResult, BatchResult__Output as _dispatch_v1_BatchResult__Output } from '../../dispatch/v1/BatchResult.ts';
import type { TokenChunk as _dispatch_v1_TokenChunk, TokenChunk__Output as _dispatch_v1_TokenChunk__Output } from '../../dispatch/v1/TokenChunk.ts';
import type { Drain as _dispatch_v1_Drain, Drain__Output as _dispatch_v1_Drain__Output } from '../../dispatch/v1/Drain.ts';

export interface WorkerMessage {
  'register'?: (_dispatch_v1_Register | null);
  'credit'?: (_dispatch_v1_Credit | null);
  'result'?: (_dispatch_v1_BatchResult | null);
  'tokens'?: (_dispatch_v1_TokenChunk | null);
  'drain'?: (_dispatch_v1_Drain | null);
  'message'?: "register"|"credit"|"result"|"tokens"|"drain";
}

export interface WorkerMessage__Output {
  'register'?: (_dispatch_v1_Register__Output | null);
  'credit'?: (_dispatch_v1_Credit__Output | null);
  'result'?: (_dispatch_v1_BatchResult__Output | null);
  'tokens'?: (_dispatch_v1_TokenChunk__Output | null);
  'drain'?: (_dispatch_v1_Drain__Output | null);
  'message'?: "register"|"credit"|"result"|"tokens"|"drain";
}
