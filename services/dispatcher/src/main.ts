import { runService } from '@frontier/kit/lifecycle';
import { shape } from './config.ts';
import { createDispatcher } from './service.ts';

void runService({ name: 'dispatcher', shape, create: createDispatcher });
