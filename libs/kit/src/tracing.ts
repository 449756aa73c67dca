import {
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';

export type { Span };

/*
 * Parents are passed by hand, as W3C `traceparent` strings: they have to cross a queue and batches anyway, and
 * the hot path stays free of AsyncLocalStorage. The SDK is loaded only when an endpoint is set.
 */

interface Active {
  tracer: Tracer;
  shutdown(): Promise<void>;
}

let active: Active | undefined;

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

export interface TracingOptions {
  service: string;
  /** Base URL of an OTLP/HTTP collector; without it tracing stays off. */
  otlpEndpoint?: string | undefined;
  /** Share of traces kept where the caller made no decision, 0..1. */
  sampleRatio: number;
}

/** Turns tracing on for this process; does nothing without an endpoint. */
export async function startTracing({ service, otlpEndpoint, sampleRatio }: TracingOptions): Promise<void> {
  if (!otlpEndpoint || active) return;
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new OTLPTraceExporter({
    url: `${otlpEndpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: 5_000,
  });
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [
      new sdk.BatchSpanProcessor(exporter, {
        maxQueueSize: 8_192,
        maxExportBatchSize: 512,
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: 5_000,
      }),
    ],
  });
  active = { tracer: provider.getTracer('frontier'), shutdown: () => provider.shutdown() };
}

/** Sends what is left and turns tracing off. Never rejects: a lost span must not spoil a stop. */
export async function stopTracing(): Promise<void> {
  const stopping = active;
  active = undefined;
  await stopping?.shutdown().catch(() => {});
}

/** False: `startSpan` gives a dummy; callers on a hot path skip making its attributes. */
export function tracingEnabled(): boolean {
  return active !== undefined;
}

export interface SpanOptions {
  kind?: keyof typeof KINDS;
  /**
   * `traceparent` of the span above. Without a valid one the span begins a new trace, so a hop behind the
   * gateway makes spans only for requests that carry one: the others were not sampled.
   */
  parent?: string | undefined;
  /** `traceparent`s of spans that belong to this one without being its parent: the requests of a batch. */
  links?: readonly string[];
  attributes?: Attributes;
}

/** Starts a span. The caller ends it, best by `endSpan`. */
export function startSpan(name: string, { kind, parent, links, attributes }: SpanOptions = {}): Span {
  if (!active) return NO_SPAN;
  const above = parseTraceparent(parent);
  return active.tracer.startSpan(
    name,
    {
      kind: KINDS[kind ?? 'internal'],
      ...(attributes && { attributes }),
      ...(links && {
        links: links.flatMap((link) => parseTraceparent(link) ?? []).map((context) => ({ context })),
      }),
    },
    above ? trace.setSpanContext(ROOT_CONTEXT, above) : ROOT_CONTEXT,
  );
}

/** Ends a span; with an error code it is marked as failed by it. */
export function endSpan(span: Span, errorCode?: string): void {
  if (errorCode !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: errorCode });
    span.setAttribute('error.type', errorCode);
  }
  span.end();
}

/** What the next hop gets as its parent; undefined when this span is not recorded. */
export function traceparentOf(span: Span): string | undefined {
  if (!span.isRecording()) return undefined;
  const { traceId, spanId } = span.spanContext();
  return `00-${traceId}-${spanId}-01`;
}

/** Later versions may append fields, which are ignored; version 00 may not. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

function parseTraceparent(text: string | undefined): SpanContext | undefined {
  const match = text === undefined ? null : TRACEPARENT.exec(text);
  if (!match || (match[1] === '00' && match[5] !== undefined)) return undefined;
  const context = {
    traceId: match[2] ?? '',
    spanId: match[3] ?? '',
    traceFlags: parseInt(match[4] ?? '', 16) & TraceFlags.SAMPLED,
    isRemote: true,
  };
  return isSpanContextValid(context) ? context : undefined;
}
