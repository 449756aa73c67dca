// All experiments, in the order in which they run.
import { badRedis } from './scenarios/bad-redis.mjs';
import { clock } from './scenarios/clock.mjs';
import { connections } from './scenarios/connections.mjs';
import { failover, failoverWithoutWait } from './scenarios/failover.mjs';
import { failpoints, failpointsReplicated } from './scenarios/failpoints.mjs';
import { fairness } from './scenarios/fairness.mjs';
import { frozenDispatcher } from './scenarios/frozen.mjs';
import { any, dispatcher, gateway, redisAof, worker } from './scenarios/kills.mjs';
import { overload } from './scenarios/overload.mjs';
import { singleDeaths } from './scenarios/recovery.mjs';
import { recordWithoutJob } from './scenarios/record-without-job.mjs';
import { rolling } from './scenarios/rolling.mjs';
import { scaling } from './scenarios/scaling.mjs';
import { disconnect, idleLeaks, oneKey, submitAndCancel, unreplicatedCommit, unservedModel } from './scenarios/special.mjs'; // prettier-ignore
import { streams } from './scenarios/streams.mjs';

export const scenarios = [
  gateway,
  dispatcher,
  worker,
  any,
  singleDeaths,
  redisAof,
  failpoints,
  failpointsReplicated,
  connections,
  frozenDispatcher,
  failover,
  failoverWithoutWait,
  streams,
  oneKey,
  disconnect,
  submitAndCancel,
  unservedModel,
  unreplicatedCommit,
  recordWithoutJob,
  rolling,
  clock,
  badRedis,
  idleLeaks,
  overload,
  fairness,
  scaling,
];
