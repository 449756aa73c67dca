import { runService } from '@frontier/kit/lifecycle';
import { shape } from './config.ts';
import { WorkerService } from './service.ts';

void runService({ name: 'worker', shape, create: (config, context) => new WorkerService(config, context) });
