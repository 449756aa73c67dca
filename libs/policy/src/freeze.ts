/** A time in which no version changes: from each moment that `schedule` names, for some minutes. All in UTC. */
export interface FreezeWindow {
  /** Five fields of cron: minute, hour, day of the month, month, day of the week (0: Sunday). */
  schedule: string;
  minutes: number;
  /** For who is refused. */
  reason: string;
}

const FIELDS = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12 },
  { name: 'weekday', min: 0, max: 6 },
] as const;

/** A window looks back at most so far. */
const MAX_MINUTES = 31 * 24 * 60;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;

/** What is wrong with a window, for who wrote it; undefined: nothing. */
export function freezeFault({ schedule, minutes, reason }: FreezeWindow): string | undefined {
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES) return `minutes must be 1 to ${MAX_MINUTES}`; // prettier-ignore
  if (reason.trim() === '') return 'a reason is missing';
  const fields = schedule.trim().split(/\s+/);
  if (fields.length !== FIELDS.length) return `schedule: ${schedule}: five fields are needed`;
  const wrong = FIELDS.find((field, i) => !valuesOf(fields[i] as string, field.min, field.max));
  return wrong && `schedule: ${schedule}: the ${wrong.name} must be *, a number, a range a-b or a step */n, or several with commas, from ${wrong.min} to ${wrong.max}`; // prettier-ignore
}

/**
 * The window that a moment (Unix ms) is in; undefined: changes are allowed. A rollback is allowed always: who does one
 * does not ask. Throws for windows that have a fault.
 */
export function frozenBy(windows: readonly FreezeWindow[], at: number): FreezeWindow | undefined {
  const now = Math.floor(at / MINUTE_MS);
  return windows.find((window) => {
    const fault = freezeFault(window);
    if (fault !== undefined) throw new Error(fault);
    const starts = startsOf(window.schedule);
    for (let back = 0; back < window.minutes; back += 1) if (starts(now - back)) return true;
    return false;
  });
}

/** A deny window of an Argo CD AppProject (`spec.syncWindows`). A sync by hand stays allowed: a rollback needs it. */
export interface SyncWindow {
  kind: 'deny';
  schedule: string;
  duration: string;
  applications: string[];
  manualSync: true;
  timeZone: 'UTC';
}

/** The same windows for Argo CD, so that the cluster does not change either. `applications`: names, may hold `*`. */
export function syncWindows(windows: readonly FreezeWindow[], applications: readonly string[]): SyncWindow[] {
  return windows.map(({ schedule, minutes }) => ({
    kind: 'deny',
    schedule: schedule.trim().split(/\s+/).join(' '),
    duration: `${minutes}m`,
    applications: [...applications],
    manualSync: true,
    timeZone: 'UTC',
  }));
}

/** Whether a window begins at a minute since 1970. */
function startsOf(schedule: string): (minute: number) => boolean {
  const fields = schedule.trim().split(/\s+/);
  const [minutes, hours, days, months, weekdays] = FIELDS.map(({ min, max }, i) => valuesOf(fields[i] as string, min, max) ?? new Set<number>()) as [Set<number>, Set<number>, Set<number>, Set<number>, Set<number>]; // prettier-ignore
  // As in cron: when day and weekday both say something, either is enough.
  const either = !fields[2]?.startsWith('*') && !fields[4]?.startsWith('*');
  return (at) => {
    if (!minutes.has(at % 60) || !hours.has(Math.floor(at / 60) % 24)) return false;
    const date = Math.floor(at / DAY_MINUTES);
    const { month, day } = civil(date);
    // 1970-01-01 was a Thursday.
    const byDay = days.has(day);
    const byWeekday = weekdays.has((date + 4) % 7);
    return months.has(month) && (either ? byDay || byWeekday : byDay && byWeekday);
  };
}

/** What a field of a schedule names; undefined when it is none. */
function valuesOf(field: string, min: number, max: number): Set<number> | undefined {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const [, range, from, to, step] = /^(\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    if (range === undefined || (step !== undefined && (from !== undefined && to === undefined))) return undefined; // prettier-ignore
    const first = from === undefined ? min : Number(from);
    const last = to !== undefined ? Number(to) : from === undefined ? max : first;
    const by = Number(step ?? 1);
    if (first < min || last > max || first > last || by < 1) return undefined;
    for (let value = first; value <= last; value += by) values.add(value);
  }
  return values;
}

/** Month and day of a day since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms", 2013). */
function civil(date: number): { month: number; day: number } {
  const shifted = date + 719_468;
  const ofEra = shifted - Math.floor(shifted / 146_097) * 146_097;
  const year = Math.floor((ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365); // prettier-ignore
  const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  return { month: march < 10 ? march + 3 : march - 9, day: ofYear - Math.floor((153 * march + 2) / 5) + 1 };
}
