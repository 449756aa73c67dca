import { open } from 'node:fs/promises';
import { z } from 'zod';
import { sha256 } from '../canonical.ts';
import { CliError, EXIT } from '../errors.ts';

const MAX_BYTES = 256 * 1024 * 1024;
const MAX_FAULTS = 20;

const lineSchema = z
  .strictObject({
    input: z.unknown().optional(),
    inputs: z.record(z.string(), z.unknown()).optional(),
    prompt: z.string().optional(),
    params: z.record(z.string(), z.unknown()).optional(),
    expected: z.union([z.string(), z.number()]),
    reference: z.number().optional(),
  })
  .refine(
    ({ input, inputs, prompt }) => [input, inputs, prompt].filter((one) => one !== undefined).length === 1,
    'one of input, inputs and prompt',
  );

/** One call and what is right. */
export type GoldenLine = z.output<typeof lineSchema>;

export interface GoldenSet {
  sha256: string;
  lines: GoldenLine[];
}

/** Reads a golden set, one JSON object a line. Throws CliError with the line of each fault. */
export async function readGoldenSet(path: string): Promise<GoldenSet> {
  const bytes = await read(path);
  const faults: string[] = [];
  const lines: GoldenLine[] = [];
  for (const [i, text] of bytes.toString('utf8').trimEnd().split('\n').entries()) {
    const fault = (what: string) => faults.push(`${path}:${i + 1}: ${what}`);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      fault('not JSON');
      continue;
    }
    const parsed = lineSchema.safeParse(value);
    if (parsed.success) lines.push(parsed.data);
    else
      for (const { path: at, message } of parsed.error.issues) fault([...at.map(String), message].join(': '));
  }
  if (faults.length > 0) throw new CliError(EXIT.usage, faults.slice(0, MAX_FAULTS).join('\n'));
  return { sha256: `sha256:${sha256(bytes)}`, lines };
}

async function read(path: string): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > MAX_BYTES) throw new Error(`over ${MAX_BYTES} bytes`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new CliError(EXIT.usage, `${path}: ${(error as Error).message}`, { cause: error });
  }
}
