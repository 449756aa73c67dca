import { open } from 'node:fs/promises';
import { CliError, EXIT } from './errors.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/** An object from a JSON file that a person wrote. Throws CliError with the file and what is wrong. */
export async function readJson(path: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    const file = await open(path);
    try {
      if ((await file.stat()).size > MAX_BYTES) throw new Error(`over ${MAX_BYTES} bytes`);
      value = JSON.parse(await file.readFile('utf8'));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new CliError(EXIT.usage, `${path}: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new CliError(EXIT.usage, `${path}: must be one JSON object`);
}
