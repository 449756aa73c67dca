import { modelSpecSchema, type ModelSpec } from '@frontier/contracts/model-spec';
import { isMap, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';

/** Reads the text of a `model.yaml`. Throws with the line of each field that is unknown or wrong. */
export function parseModelYaml(text: string): ModelSpec {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error) throw error;
  const parsed = modelSpecSchema.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap(faultsOf).map(({ path, message }) => ({
    line: lines.linePos(offsetOf(document, path)).line,
    text: `${path.join('.') || 'model.yaml'}: ${message}`,
  }));
  faults.sort((a, b) => a.line - b.line);
  throw new Error(faults.map(({ line, text: fault }) => `line ${line}: ${fault}`).join('\n'));
}

interface Fault {
  path: PropertyKey[];
  message: string;
}

function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: 'unknown field' }));
  return [{ path: issue.path, message: issue.message }];
}

/** Where a field's name begins, or an element of a list; of a field that is missing, what it is missing in. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let offset = document.contents?.range[0] ?? 0;
  let node: unknown = document.contents;
  for (const key of path) {
    const pair = isMap(node) ? node.items.find((item) => valueOf(item.key) === key) : undefined;
    const next = pair ? pair.value : (node as { get?: (key: unknown, keep: true) => unknown } | null)?.get?.(key, true); // prettier-ignore
    const start = rangeOf(pair ? pair.key : next);
    if (start === undefined) break;
    offset = start;
    node = next;
  }
  return offset;
}

function valueOf(node: unknown): unknown {
  return (node as { value?: unknown } | null)?.value;
}

function rangeOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] } | null | undefined)?.range?.[0];
}
