// Original file: proto/inference/v1/inference.proto


export interface Usage {
  'prompt_tokens'?: (number);
  'completion_tokens'?: (number);
}

export interface Usage__Output {
  'prompt_tokens': (number);
  'completion_tokens': (number);
}
