// Original file: proto/dispatch/v1/dispatch.proto

import type { Hello as _dispatch_v1_Hello, Hello__Output as _dispatch_v1_Hello__Output } from '../../dispatch/v1/Hello.ts';
import type { Cancel as _dispatch_v1_Cancel, Cancel__Output as _dispatch_v1_Cancel__Output } from '../../dispatch/v1/Cancel.ts';
import type { Attach as _dispatch_v1_Attach, Attach__Output as _dispatch_v1_Attach__Output } from '../../dispatch/v1/Attach.ts';

export interface GatewayMessage {
  'hello'?: (_dispatch_v1_Hello | null);
  'cancel'?: (_dispatch_v1_Cancel | null);
  'attach'?: (_dispatch_v1_Attach | null);
  'message'?: "hello"|"cancel"|"attach";
}

export interface GatewayMessage__Output {
  'hello'?: (_dispatch_v1_Hello__Output | null);
  'cancel'?: (_dispatch_v1_Cancel__Output | null);
  'attach'?: (_dispatch_v1_Attach__Output | null);
  'message'?: "hello"|"cancel"|"attach";
}
