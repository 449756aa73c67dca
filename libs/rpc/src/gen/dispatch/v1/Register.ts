// Original file: proto/dispatch/v1/dispatch.proto

import type { ModelOffer as _dispatch_v1_ModelOffer, ModelOffer__Output as _dispatch_v1_ModelOffer__Output } from '../../dispatch/v1/ModelOffer.ts';
import type { Long } from '@grpc/proto-loader';

export interface Register {
  'worker_id'?: (string);
  'pool'?: (string);
  'memory_bytes'?: (number | string | Long);
  'models'?: (_dispatch_v1_ModelOffer)[];
}

export interface Register__Output {
  'worker_id': (string);
  'pool': (string);
  'memory_bytes': (number);
  'models': (_dispatch_v1_ModelOffer__Output)[];
}
