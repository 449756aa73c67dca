import { runService } from '@frontier/kit/lifecycle';
import { shape } from './config.ts';
import { createGateway } from './wiring.ts';

void runService({ name: 'gateway', shape, create: createGateway });
