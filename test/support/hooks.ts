import type { RootHookObject } from 'mocha';

/** Mocha's root hooks. */
export const mochaHooks: RootHookObject = {};
