// Original file: proto/dispatch/v1/dispatch.proto

import type { ModelVersion as _dispatch_v1_ModelVersion, ModelVersion__Output as _dispatch_v1_ModelVersion__Output } from '../../dispatch/v1/ModelVersion.ts';

export interface Wanted {
  'models'?: (_dispatch_v1_ModelVersion)[];
}

export interface Wanted__Output {
  'models': (_dispatch_v1_ModelVersion__Output)[];
}
