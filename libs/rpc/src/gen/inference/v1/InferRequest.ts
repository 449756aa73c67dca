// Original file: proto/inference/v1/inference.proto

import type { Tensor as _inference_v1_Tensor, Tensor__Output as _inference_v1_Tensor__Output } from '../../inference/v1/Tensor.ts';

export interface InferRequest {
  'model'?: (string);
  'prompt'?: (string);
  'params'?: ({[key: string]: string});
  'inputs'?: (_inference_v1_Tensor)[];
  'priority'?: (string);
  'deadline_ms'?: (number);
  'idempotency_key'?: (string);
  'version'?: (string);
  'input'?: (Buffer | Uint8Array | string);
}

export interface InferRequest__Output {
  'model': (string);
  'prompt': (string);
  'params': ({[key: string]: string});
  'inputs': (_inference_v1_Tensor__Output)[];
  'priority': (string);
  'deadline_ms': (number);
  'idempotency_key': (string);
  'version': (string);
  'input': (Buffer);
}
