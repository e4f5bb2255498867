import type { RootHookObject } from 'mocha';
import { stopSharedServers } from './servers.ts';

/** Mocha's root hooks: what the tests share is ended when the last of them is done. */
export const mochaHooks: RootHookObject = { afterAll: stopSharedServers };
