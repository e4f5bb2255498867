import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { runtimeConfig } from './runtime/config.ts';
import { loadFunction } from './runtime/load-function.ts';
import { errorFacts, log } from './runtime/log.ts';
import { createRuntimeServer, type RuntimeState } from './runtime/server.ts';
import { exitOnSignals } from './runtime/shutdown.ts';

/** Serves the function of `function_path` on `http_port`, for the watchdog in front of it or for the local appliance. */
async function main(): Promise<void> {
  const config = runtimeConfig(process.env, join(import.meta.dirname, 'function'));
  const state: RuntimeState = { loaded: undefined, draining: false };
  const server = createRuntimeServer(state);
  exitOnSignals(server, state, config.shutdownTimeoutMs);
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(config.port, config.host, listening.resolve);
  await listening.promise;
  log('info', 'listening', { host: config.host, port: (server.address() as AddressInfo).port });
  state.loaded = await loadFunction(config, process.env);
  log('info', 'ready', { contract: state.loaded.contract, startMs: Math.round(performance.now()) });
}

function exitOn(what: string): (thrown: unknown) => void {
  return (thrown) => {
    log('error', what, errorFacts(thrown));
    process.exit(1);
  };
}

process.on('uncaughtException', exitOn('An error that nothing handled'));
process.on('unhandledRejection', exitOn('A rejection that nothing handled'));
main().catch(exitOn('The function did not start'));
