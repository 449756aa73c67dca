import type { Bundle, BundledRequest } from '@frontier/contracts/request';

const VERSION = 1;
/** Payloads over this many bytes lie under a key of their own, as they are; smaller ones ride in the job as base64. */
export const INLINE_BYTES = 8 * 1024;

/** What is in a job: a bundle, one of a version that this code does not know yet, or nothing that it understands. */
export function readBundle(data: unknown): Bundle | 'newer' | 'unreadable' {
  if (typeof data !== 'object' || data === null) return 'unreadable';
  const { v, requests, gateway } = data as Partial<Record<keyof Bundle, unknown>>;
  if (typeof v === 'number' && v > VERSION) return 'newer';
  if (v !== VERSION || typeof gateway !== 'string' || !Array.isArray(requests) || requests.length === 0)
    return 'unreadable';
  return requests.every(isRequest) ? (data as Bundle) : 'unreadable';
}

const TEXTS = ['id', 'tenant', 'model', 'version', 'mode'] as const satisfies (keyof BundledRequest)[];

/** As much as is needed to settle it; whether it may run, its record says. */
function isRequest(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const request = value as Record<string, unknown>;
  const inline = typeof request['inline'];
  return (
    TEXTS.every((name) => typeof request[name] === 'string') &&
    Number.isInteger(request['epoch']) &&
    typeof request['timeoutMs'] === 'number' &&
    (inline === 'string' || inline === 'undefined')
  );
}
