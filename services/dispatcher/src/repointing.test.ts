import type { ModelTraffic } from '@frontier/contracts/traffic';
import { versionNow } from './repointing.ts';

const rollout = { id: 'r', salt: 's', mode: 'canary', canary: '2', share: 500 } as const;
const traffic = (change: Partial<ModelTraffic> = {}): ModelTraffic => ({
  model: 'm',
  epoch: 1,
  stable: '1',
  blocked: [],
  rollout,
  shadow: null,
  experiment: null,
  ...change,
});
const canary = { model: 'm', version: '2', variant: 'canary' } as const;
const named = { model: 'm', version: '2' };

test.each([
  ['a canary while its rollout runs', canary, traffic(), '2'],
  ['a canary whose rollout is over', canary, traffic({ rollout: null }), '1'],
  ['a canary without traffic', canary, traffic({ rollout: { ...rollout, share: 0 } }), '1'],
  ['a canary of an earlier rollout', canary, traffic({ rollout: { ...rollout, canary: '3' } }), '1'],
  ['a canary while both sides are stable', canary, traffic({ rollout: { ...rollout, mode: 'aa' } }), '1'],
  ['a canary that was blocked while its rollout runs', canary, traffic({ blocked: ['2'] }), '1'],
  ['a canary that is stable by now', canary, traffic({ stable: '2', rollout: null }), '2'],
  ['a canary of a model without a record', canary, undefined, '2'],
  ['a version that a caller named', named, traffic({ rollout: null }), '2'],
  ['a blocked version that a caller named', named, traffic({ blocked: ['2'] }), '1'],
  ['what was stable before', { model: 'm', version: '1', variant: 'control' } as const, traffic({ stable: '2' }), '1'], // prettier-ignore
])('%s', (_, request, record, version) => {
  expect(versionNow(request, record)).toBe(version);
});
