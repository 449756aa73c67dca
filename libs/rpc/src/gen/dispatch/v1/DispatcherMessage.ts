// Original file: proto/dispatch/v1/dispatch.proto

import type { Batch as _dispatch_v1_Batch, Batch__Output as _dispatch_v1_Batch__Output } from '../../dispatch/v1/Batch.ts';
import type { Generation as _dispatch_v1_Generation, Generation__Output as _dispatch_v1_Generation__Output } from '../../dispatch/v1/Generation.ts';
import type { Cancel as _dispatch_v1_Cancel, Cancel__Output as _dispatch_v1_Cancel__Output } from '../../dispatch/v1/Cancel.ts';
import type { Drain as _dispatch_v1_Drain, Drain__Output as _dispatch_v1_Drain__Output } from '../../dispatch/v1/Drain.ts';
import type { Wanted as _dispatch_v1_Wanted, Wanted__Output as _dispatch_v1_Wanted__Output } from '../../dispatch/v1/Wanted.ts';

export interface DispatcherMessage {
  'batch'?: (_dispatch_v1_Batch | null);
  'generation'?: (_dispatch_v1_Generation | null);
  'cancel'?: (_dispatch_v1_Cancel | null);
  'drain'?: (_dispatch_v1_Drain | null);
  'wanted'?: (_dispatch_v1_Wanted | null);
  'message'?: "batch"|"generation"|"cancel"|"drain"|"wanted";
}

export interface DispatcherMessage__Output {
  'batch'?: (_dispatch_v1_Batch__Output | null);
  'generation'?: (_dispatch_v1_Generation__Output | null);
  'cancel'?: (_dispatch_v1_Cancel__Output | null);
  'drain'?: (_dispatch_v1_Drain__Output | null);
  'wanted'?: (_dispatch_v1_Wanted__Output | null);
  'message'?: "batch"|"generation"|"cancel"|"drain"|"wanted";
}
