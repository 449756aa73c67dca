/** What is kept of the dumps of one part. */
export interface Keep {
  /** The newest ones, in any case. */
  newest: number;
  /** Of as many hours and days that have a dump, the last one. */
  hours: number;
  days: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.(dump|rdb)$/;

/** When a dump was begun (Unix ms), by its name; undefined for a file that is no finished dump. */
export function timeOf(name: string): number | undefined {
  const [, year, month, day, hour, minute, second] = NAME.exec(name) ?? [];
  if (year === undefined) return undefined;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? undefined : at;
}

/**
 * The dumps that may go. Each is kept that is among the newest, or the last of one of the newest hours or days that
 * have any: counted by what is there and not by the clock, so a backup that stood still loses nothing by ageing.
 */
export function expired(names: readonly string[], keep: Keep): string[] {
  const dumps = names
    .map((name) => ({ name, at: timeOf(name) }))
    .filter((dump): dump is { name: string; at: number } => dump.at !== undefined)
    .sort((a, b) => b.at - a.at);
  const kept = new Set(dumps.slice(0, keep.newest));
  for (const [span, count] of [
    [HOUR_MS, keep.hours],
    [DAY_MS, keep.days],
  ] as const) {
    const last = new Map<number, (typeof dumps)[number]>();
    for (const dump of dumps) {
      const slot = Math.floor(dump.at / span);
      if (!last.has(slot)) last.set(slot, dump);
    }
    for (const dump of [...last.values()].slice(0, count)) kept.add(dump);
  }
  return dumps.filter((dump) => !kept.has(dump)).map((dump) => dump.name);
}
