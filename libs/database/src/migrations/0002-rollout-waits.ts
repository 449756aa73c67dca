import type { Migration } from '../migrate.ts';

export const rolloutWaits: Migration = {
  name: '0002-rollout-waits',
  statements: [`alter table frontier.rollouts add column waits text`],
};
