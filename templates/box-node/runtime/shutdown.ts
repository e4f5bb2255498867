import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { errorFacts, log } from './log.ts';
import type { RuntimeState } from './server.ts';

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Ends the process on SIGTERM and SIGINT: takes no new connection, finishes the calls in flight, closes the function.
 * Exit code 0 if all of that took at most `timeoutMs`, else 1. A second signal ends the process at once.
 */
export function exitOnSignals(server: Server, state: RuntimeState, timeoutMs: number): void {
  for (const [signal, number] of Object.entries(SIGNAL_NUMBERS)) {
    process.on(signal, () => {
      if (state.draining) process.exit(128 + number);
      const drained = drain(server, state, timeoutMs);
      log('info', 'Shutting down', { signal, timeoutMs });
      drained.then(
        (clean) => process.exit(clean ? 0 : 1),
        (thrown: unknown) => {
          log('error', 'The function did not close', errorFacts(thrown));
          process.exit(1);
        },
      );
    });
  }
}

async function drain(server: Server, state: RuntimeState, timeoutMs: number): Promise<boolean> {
  state.draining = true;
  const clean = closeAll(server, state).then(() => true);
  const late = delay(timeoutMs, false);
  if (await Promise.race([clean, late])) return true;
  log('error', 'Cut off what was still running: it took too long to finish', { timeoutMs });
  return false;
}

async function closeAll(server: Server, state: RuntimeState): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // An answer that had begun before the signal promised to keep its connection: it is closed once idle.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  await closed;
  clearInterval(sweep);
  await state.loaded?.close();
}
