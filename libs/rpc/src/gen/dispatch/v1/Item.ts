// Original file: proto/dispatch/v1/dispatch.proto


export interface Item {
  'id'?: (string);
  'epoch'?: (number);
  'rows'?: (number);
}

export interface Item__Output {
  'id': (string);
  'epoch': (number);
  'rows': (number);
}
