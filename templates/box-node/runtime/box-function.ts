import type { RuntimeConfig } from './config.ts';
import type { Handler, LoadedFunction, RequestHead } from './contract.ts';
import { RuntimeMetrics } from './metrics.ts';

const EMPTY = Buffer.alloc(0);

/** What our handlers' `open(environment)` resolves with. */
interface OpenedFunction {
  handle: Handler;
  streamLimit?(request: RequestHead): number | undefined;
  health?(): Promise<void>;
  metrics?(): Promise<string>;
  close?(): Promise<void>;
}

/**
 * Opens a handler that exports `open`: it gets raw bodies and brings its own health, metrics and close.
 * @throws what `open` threw, or an Error if it resolved with something that has no `handle`
 */
export async function openBoxFunction(
  open: (environment: NodeJS.ProcessEnv) => unknown,
  config: RuntimeConfig,
  environment: NodeJS.ProcessEnv,
): Promise<LoadedFunction> {
  const opened: unknown = await open(environment);
  if (!isOpened(opened)) throw new Error('Cannot serve the function: open() must resolve with an object with handle()');
  const own = opened.metrics ? undefined : new RuntimeMetrics();
  return {
    contract: 'box',
    textType: 'text/plain; charset=utf-8',
    handler: (event, context, callback) => opened.handle(event, context, callback),
    ...(opened.streamLimit && { streamLimit: (request) => opened.streamLimit?.(request) }),
    bodyLimit: () => config.maxBodyBytes,
    readBody: (raw) => raw ?? EMPTY,
    observe: (status, seconds) => own?.observe(status, seconds),
    health: async () => opened.health?.(),
    metrics: async () => (own ? own.text() : ((await opened.metrics?.()) ?? '')),
    async close() {
      own?.close();
      await opened.close?.();
    },
  };
}

function isOpened(value: unknown): value is OpenedFunction {
  if (typeof value !== 'object' || value === null || !('handle' in value)) return false;
  return typeof value.handle === 'function';
}
