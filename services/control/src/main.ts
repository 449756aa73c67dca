import { runService } from '@frontier/kit/lifecycle';
import { shape } from './config.ts';
import { createControl } from './wiring.ts';

void runService({ name: 'control', shape, create: createControl });
