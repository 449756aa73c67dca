import { freezeFault, frozenBy, type FreezeWindow } from '@frontier/policy/freeze';
import { z } from 'zod';

/** Each look at a window goes back by its whole length. */
const MAX_WINDOWS = 20;

export const freezeWindowsSchema = z
  .array(
    z
      .strictObject({ schedule: z.string().max(200), minutes: z.int(), reason: z.string().max(200) })
      .superRefine((window, context) => {
        const fault = freezeFault(window);
        if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
      }),
  )
  .max(MAX_WINDOWS);

interface FreezeOptions {
  always: boolean;
  windows: readonly FreezeWindow[];
  /** Unix ms. */
  now: () => number;
}

/** Why no rollout may go on now; undefined: it may. A rollback does not ask. */
export function freezeOf({ always, windows, now }: FreezeOptions): () => string | undefined {
  return () => {
    if (always) return 'CANARY_FREEZE is set';
    const window = frozenBy(windows, now());
    return window && `freeze window ${window.schedule} (UTC), ${window.minutes} min: ${window.reason}`;
  };
}
