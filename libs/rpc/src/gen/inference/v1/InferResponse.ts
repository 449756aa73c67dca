// Original file: proto/inference/v1/inference.proto

import type { Tensor as _inference_v1_Tensor, Tensor__Output as _inference_v1_Tensor__Output } from '../../inference/v1/Tensor.ts';
import type { Usage as _inference_v1_Usage, Usage__Output as _inference_v1_Usage__Output } from '../../inference/v1/Usage.ts';
import type { Long } from '@grpc/proto-loader';

export interface InferResponse {
  'id'?: (string);
  'model'?: (string);
  'output'?: (string);
  'latency_ms'?: (number | string | Long);
  'outputs'?: (_inference_v1_Tensor)[];
  'usage'?: (_inference_v1_Usage | null);
  'version'?: (string);
  'variant'?: (string);
  'status'?: (string);
}

export interface InferResponse__Output {
  'id': (string);
  'model': (string);
  'output': (string);
  'latency_ms': (number);
  'outputs': (_inference_v1_Tensor__Output)[];
  'usage': (_inference_v1_Usage__Output | null);
  'version': (string);
  'variant': (string);
  'status': (string);
}
