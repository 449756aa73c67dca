// Original file: proto/dispatch/v1/dispatch.proto


export interface Credit {
  'model'?: (string);
  'version'?: (string);
  'count'?: (number);
}

export interface Credit__Output {
  'model': (string);
  'version': (string);
  'count': (number);
}
