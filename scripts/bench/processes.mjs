// What a process has used so far, from /proc; undefined where there is none.
import { readFileSync } from 'node:fs';

const TICKS_PER_S = 100;

/** `{cpuS, rssMb}` of a process and, for memory, of nothing below it. */
export function usageOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold blanks; fields 14 and 15 are user and system time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return {
      cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
      rssMb: Math.round(Number(rss?.[1]) / 1024),
    };
  } catch {
    return undefined;
  }
}

/** CPU seconds of all cores that something used since boot; undefined without /proc. */
export function busySeconds() {
  try {
    const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'latin1')
      .split('\n')[0]
      .split(/\s+/);
    return (
      [user, nice, system, irq, softirq, steal].reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_S
    );
  } catch {
    return undefined;
  }
}
