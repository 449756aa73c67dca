// Original file: proto/inference/v1/inference.proto

import type { Usage as _inference_v1_Usage, Usage__Output as _inference_v1_Usage__Output } from '../../inference/v1/Usage.ts';

export interface TokenChunk {
  'text'?: (string);
  'id'?: (string);
  'event_id'?: (string);
  'usage'?: (_inference_v1_Usage | null);
  'finish_reason'?: (string);
  'status'?: (string);
  'version'?: (string);
  'variant'?: (string);
}

export interface TokenChunk__Output {
  'text': (string);
  'id': (string);
  'event_id': (string);
  'usage': (_inference_v1_Usage__Output | null);
  'finish_reason': (string);
  'status': (string);
  'version': (string);
  'variant': (string);
}
