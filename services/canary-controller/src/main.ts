import { runService } from '@frontier/kit/lifecycle';
import { shape } from './config.ts';
import { createCanaryController } from './service.ts';

void runService({ name: 'canary-controller', shape, create: createCanaryController });
