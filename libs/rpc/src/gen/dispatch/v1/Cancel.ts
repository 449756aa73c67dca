// Original file: proto/dispatch/v1/dispatch.proto


export interface Cancel {
  'ids'?: (string)[];
}

export interface Cancel__Output {
  'ids': (string)[];
}
