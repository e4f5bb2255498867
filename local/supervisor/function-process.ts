import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';
import type { DeployedFunction } from '../gateway/function-table.ts';
import type { ChildExit } from '../server/child-process.ts';
import { LOOPBACK } from '../server/free-port.ts';
import { parseJsonLine } from './json-line.ts';
import type { StackFunction } from './stack-file.ts';
import { type Supervised, supervise } from './supervise.ts';

export interface FunctionProcessOptions {
  readonly definition: StackFunction;
  /** The folder of the language templates. */
  readonly templates: string;
  /** The folder of what the function's image holds (`index.js`, `function/`), to run that instead of its source. */
  readonly image?: string;
  /** What the function finds in its environment beside what stack.yml says; this wins. */
  readonly environment: Readonly<Record<string, string>>;
  /** What runs it, for a function that has no template (`lang: dockerfile`): the command and its arguments. */
  readonly program?: readonly [command: string, ...args: string[]];
  readonly logFile?: string;
  readonly onRestart?: (exit: ChildExit, delayMs: number) => void;
}

/** A function of stack.yml that runs as a process of this machine. */
export interface FunctionProcess {
  readonly deployed: DeployedFunction;
  readonly process: Supervised;
  /** Resolves when it takes calls for the first time; rejects when it has failed to start three times in a row. */
  readonly ready: Promise<void>;
}

/** Longer than the template's runtime gives the requests in flight. */
const STOP_TIMEOUT_MS = 12_000;
const ATTEMPTS_TO_START = 3;

/**
 * Starts a function with its template's own runtime, on a port that the system chooses at each start.
 *
 * @throws BoxError `invalid_argument` when its template cannot be run as a process.
 */
export function startFunction(options: FunctionProcessOptions): FunctionProcess {
  const { definition } = options;
  const { image } = options;
  const runtime = image === undefined ? join(options.templates, definition.lang, 'index.ts') : join(image, 'index.js');
  const [command, ...args] = options.program ?? [process.execPath, runtime];
  if (options.program === undefined && !existsSync(runtime)) {
    const rule = `its template must be one of this clone, got lang ${JSON.stringify(definition.lang)}`;
    throw new BoxError('invalid_argument', `Cannot run function ${definition.name} here: ${rule}`);
  }
  let port: number | undefined;
  let available = false;
  let attempts = 0;
  const ready = Promise.withResolvers<void>();

  // Whoever waits for it is told; nobody has to.
  ready.promise.catch(() => undefined);

  const supervised = supervise({
    name: definition.name,
    command,
    args,
    env: {
      ...definition.environment,
      ...options.environment,
      function_path: image === undefined ? definition.handler : join(image, 'function'),
      http_host: LOOPBACK,
      http_port: '0',
    },
    stopTimeoutMs: STOP_TIMEOUT_MS,
    ...(options.logFile !== undefined && { logFile: options.logFile }),
    ...(options.onRestart !== undefined && { onRestart: options.onRestart }),
    wasWell: () => available,
    onLine(line) {
      if (line === undefined) {
        available = false;
        attempts += 1;
        if (attempts === ATTEMPTS_TO_START) ready.reject(new Error(`it ended ${attempts} times while it was started`));
      }
      const said = line === undefined ? undefined : parseJsonLine(line);
      // The runtime's own two lines: where it listens, and that the function is loaded.
      if (said?.msg === 'listening' && typeof said.port === 'number') port = said.port;
      if (said?.msg === 'ready' && port !== undefined) {
        available = true;
        ready.resolve();
      }
    },
  });

  const deployed: DeployedFunction = {
    name: definition.name,
    get origin() {
      return `http://${LOOPBACK}:${port}`;
    },
    get available() {
      return available;
    },
    image: definition.image,
    process: [options.program === undefined ? 'node' : command, ...args].join(' '),
    labels: definition.labels,
    annotations: definition.annotations,
    secrets: definition.secrets,
    maxInflight: Number(definition.environment.max_inflight ?? 0),
    createdAt: new Date(),
    log: supervised.log,
  };
  return { deployed, process: supervised, ready: ready.promise };
}
