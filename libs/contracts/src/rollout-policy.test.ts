import { rolloutPolicySchema } from './rollout-policy.ts';

const faultsOf = (policy: object) =>
  rolloutPolicySchema.safeParse(policy).error?.issues.map(({ path }) => path.join('.'));

describe('a rollout policy', () => {
  test.each([[[500, 2_500, 10_000]], [[5_000, 10_000]], [[1, 10_000]]])('takes shares %j', (steps) => {
    expect(faultsOf({ steps })).toBeUndefined();
  });

  test.each([[[10_000]], [[500, 9_999, 10_000]], [[5_001, 10_000]], [[500, 500, 10_000]], [[500]]])(
    'does not give nearly everything to what is not proven: %j',
    (steps) => {
      expect(new Set(faultsOf({ steps }))).toEqual(new Set(['steps']));
    },
  );

  test.each([
    { scrapeMs: 60_001 },
    { scrapeMs: 2 ** 31 },
    { holdMs: 86_400_001 },
    { staleMs: 600_001 },
    { watchMs: 1e15 },
  ])('has limits: %j', (policy) => {
    expect(faultsOf(policy)).toEqual(Object.keys(policy));
  });
});
