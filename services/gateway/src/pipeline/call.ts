import type { ModelSpec } from '@frontier/contracts/model-spec';
import type { Priority } from '@frontier/contracts/queue';
import type { Mode, NewRequest } from '@frontier/contracts/request';
import type { CallerCredentials } from '@frontier/contracts/tenant';
import type { Tensor } from '@frontier/contracts/tensor';
import type { Variant } from '@frontier/contracts/traffic';
import type { Span } from '@frontier/kit/tracing';
import type { Route } from './route.ts';

/** What a caller gave as input, in whichever form its transport has. */
export type GivenInputs =
  /** The text of a generation, or of the one text input. */
  | { form: 'prompt'; text: string }
  /** JSON for the one input. */
  | { form: 'value'; value: unknown }
  /** Bytes for the one input, for example an encoded image. */
  | { form: 'bytes'; bytes: Uint8Array }
  /** JSON by input name: nested arrays. */
  | { form: 'named'; values: Record<string, unknown> }
  | { form: 'tensors'; tensors: Tensor[] };

/** An inference as a caller asked for it, whichever transport it came by. */
export interface InferenceCall {
  model: string;
  /** Without one: the version that is served. */
  version?: string | undefined;
  inputs: GivenInputs;
  /** Not validated yet: only generation models take any. */
  params?: Record<string, unknown> | undefined;
  priority: Priority;
  /** From arrival to answer, ms. It can only shorten the priority's timeout. */
  deadlineMs?: number | undefined;
  mode: Mode;
}

/** Who calls, and what the transport knows of the call. */
export interface CallContext {
  requestId: string;
  caller: CallerCredentials;
  /** The span of the whole call, when tracing is on; whoever made it ends it. */
  span?: Span | undefined;
  idempotencyKey?: string | undefined;
  /** `x-user-id`: keeps the calls of one user on one side of a rollout. */
  user?: string | undefined;
  /** `performance.now()` when the call came. */
  received: number;
  /** The side of a rollout that it was given, for its log line. */
  variant?: Variant | undefined;
}

/** A call that passed all checks; nothing is queued yet. */
export interface Prepared {
  request: NewRequest;
  route: Route;
  spec: ModelSpec;
  context: CallContext;
}

/** A request that is durable: it will have one terminal record. */
export interface Accepted extends Prepared {
  /** Differs from `request.id` when an earlier request with the same key answers. */
  id: string;
  replayed: boolean;
  /** `performance.now()` of the acknowledgement. */
  admitted: number;
}
