import { AppError } from '@frontier/contracts/errors';
import { kpiSchema, riskSchema, type Kpi, type Risk } from '@frontier/contracts/gates';

const MAX_CHARACTERS = 1024 * 1024;
const MAX_FAULTS = 20;

/** What a schema of zod does, as far as it is needed here. */
interface RowSchema<T> {
  shape: Record<string, unknown>;
  safeParse(
    row: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } };
}

interface Line {
  /** Where it begins, from 1. */
  number: number;
  cells: string[];
}

/** `kpi_acceptance.csv`. Throws INVALID_INPUT with file, line and column of each fault; a KPI may be there once. */
export function readKpis(text: string, file = 'kpi_acceptance.csv'): Kpi[] {
  return read(
    text,
    file,
    kpiSchema,
    ({ gate, task, kpi, comparison }) => `${gate} ${task} ${kpi} ${comparison}`,
  );
}

/** `risk_register.csv`. Throws as `readKpis`; an id may be there once. */
export function readRisks(text: string, file = 'risk_register.csv'): Risk[] {
  return read(text, file, riskSchema, ({ id }) => id);
}

function read<T>(text: string, file: string, schema: RowSchema<T>, keyOf: (row: T) => string): T[] {
  const faults: string[] = [];
  const rows: T[] = [];
  const seen = new Map<string, number>();
  const columns = Object.keys(schema.shape);
  const [head, ...lines] = linesOf(text, file);
  if (!head || head.cells.join(',') !== columns.join(',')) {
    throw broken([`${file}:1: the first line must be ${columns.join(',')}`]);
  }
  for (const { number, cells } of lines) {
    const at = `${file}:${number}`;
    if (cells.length !== columns.length) {
      faults.push(
        `${at}: ${cells.length} fields where ${columns.length} are expected (${columns.join(',')})`,
      );
      continue;
    }
    const parsed = schema.safeParse(Object.fromEntries(columns.map((column, i) => [column, cells[i]])));
    if (!parsed.success) {
      faults.push(...parsed.error.issues.map(({ path, message }) => `${at}: ${path.join('.')}: ${message}`));
      continue;
    }
    const key = keyOf(parsed.data);
    const former = seen.get(key);
    if (former !== undefined) faults.push(`${at}: ${key} is on line ${former} already`);
    seen.set(key, number);
    rows.push(parsed.data);
  }
  if (faults.length > 0) throw broken(faults);
  return rows;
}

/** RFC 4180, strictly: quotes only around a whole field, no blank line but after the last. */
function linesOf(text: string, file: string): Line[] {
  if (text.length > MAX_CHARACTERS) throw broken([`${file}: over ${MAX_CHARACTERS} characters`]);
  const lines: Line[] = [];
  // A byte-order mark is what spreadsheets put in front.
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let number = 1;
  while (at < text.length) {
    const line: Line = { number, cells: [] };
    for (;;) {
      const cell = cellAt(text, at, `${file}:${number}`);
      line.cells.push(cell.value);
      number += cell.breaks;
      at = cell.end;
      if (text[at] !== ',') break;
      at += 1;
    }
    if (text[at] === '\r') at += 1;
    if (at < text.length && text[at] !== '\n') throw broken([`${file}:${number}: a lone carriage return`]);
    at += 1;
    number += 1;
    lines.push(line);
  }
  return lines;
}

function cellAt(text: string, start: number, where: string): { value: string; end: number; breaks: number } {
  if (text[start] !== '"') {
    let end = start;
    while (end < text.length && !',\r\n'.includes(text[end] as string)) end += 1;
    const value = text.slice(start, end);
    if (value.includes('"')) throw broken([`${where}: a quote inside a field that does not begin with one`]);
    return { value, end, breaks: 0 };
  }
  let value = '';
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) throw broken([`${where}: a quote that is not closed`]);
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') {
      const end = quote + 1;
      if (end < text.length && !',\r\n'.includes(text[end] as string))
        throw broken([`${where}: text behind a closing quote`]);
      return { value, end, breaks: value.split('\n').length - 1 };
    }
    value += '"';
    from = quote + 2;
  }
}

function broken(faults: string[]): AppError {
  return new AppError('INVALID_INPUT', faults[0] as string, {
    details: { faults: faults.slice(0, MAX_FAULTS) },
  });
}
