// Original file: proto/dispatch/v1/dispatch.proto


export interface Sampling {
  'temperature'?: (number | string);
  'top_k'?: (number);
  'top_p'?: (number | string);
  'seed'?: (number);
  'max_new_tokens'?: (number);
  'stop'?: (string)[];
}

export interface Sampling__Output {
  'temperature': (number);
  'top_k': (number);
  'top_p': (number);
  'seed': (number);
  'max_new_tokens': (number);
  'stop': (string)[];
}
