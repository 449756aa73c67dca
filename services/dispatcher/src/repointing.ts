import type { BundledRequest } from '@frontier/contracts/request';
import type { ModelTraffic } from '@frontier/contracts/traffic';

/** What was chosen for a request when it was accepted. */
export type Assigned = Pick<BundledRequest, 'model' | 'version' | 'variant'>;

/**
 * The version that a request runs as now: the stable one when its own is blocked, and for a canary request whose
 * rollout is over or has no traffic.
 */
export function versionNow({ version, variant }: Assigned, traffic: ModelTraffic | undefined): string {
  if (!traffic || version === traffic.stable) return version;
  if (traffic.blocked.includes(version)) return traffic.stable;
  if (variant !== 'canary') return version;
  const { rollout } = traffic;
  const goesOn = rollout?.mode === 'canary' && rollout.canary === version && rollout.share > 0;
  return goesOn ? version : traffic.stable;
}
