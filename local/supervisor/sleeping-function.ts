import { errorText } from '#lib/error/box-error.ts';
import type { DeployedFunction } from '../gateway/function-table.ts';
import { LogBuffer } from '../server/log-buffer.ts';
import type { FunctionProcess } from './function-process.ts';
import type { StackFunction } from './stack-file.ts';

/** A function that is started by its first call, as OpenFaaS starts one that was scaled to zero. */
export interface SleepingFunction {
  readonly deployed: DeployedFunction;
  stop(): Promise<void>;
}

export interface SleepingFunctionOptions {
  readonly definition: StackFunction;
  /** Makes what the function needs before it can start; told in one line each, it may take minutes. */
  readonly prepare: (say: (line: string) => void, signal: AbortSignal) => Promise<void>;
  /** Whether nothing has to be made any more. */
  readonly isPrepared: () => boolean;
  readonly start: () => FunctionProcess;
  /** Told what is made, and why that failed. */
  readonly say: (line: string) => void;
}

/** Opens a function that does not run until it is called. While what it needs is made, calls are told so. */
export function openSleepingFunction(options: SleepingFunctionOptions): SleepingFunction {
  const { definition, say } = options;
  const log = new LogBuffer();
  const stopping = new AbortController();
  let running: FunctionProcess | undefined;
  let preparing: Promise<void> | undefined;
  let doing = '';

  const start = (): FunctionProcess => {
    running ??= options.start();
    return running;
  };
  const tell = (line: string): void => {
    doing = line.trim();
    log.add(line);
    say(line);
  };
  const prepare = async (): Promise<void> => {
    try {
      await options.prepare(tell, stopping.signal);
      if (!stopping.signal.aborted) start();
    } catch (error) {
      // Told to whoever calls next, whose call tries again.
      if (!stopping.signal.aborted) tell(errorText(error));
    } finally {
      preparing = undefined;
    }
  };

  const deployed: DeployedFunction = {
    name: definition.name,
    get origin() {
      return running?.deployed.origin ?? '';
    },
    get available() {
      return running?.deployed.available ?? false;
    },
    async wake() {
      if (running === undefined && !options.isPrepared()) {
        preparing ??= prepare();
        doing ||= 'what it needs is being made';
        return doing;
      }
      try {
        await start().ready;
        return undefined;
      } catch (error) {
        return errorText(error);
      }
    },
    image: definition.image,
    get process() {
      return running?.deployed.process ?? '';
    },
    labels: definition.labels,
    annotations: definition.annotations,
    secrets: definition.secrets,
    maxInflight: Number(definition.environment.max_inflight ?? 0),
    createdAt: new Date(),
    get log() {
      return running?.deployed.log ?? log;
    },
  };
  return {
    deployed,
    async stop() {
      stopping.abort();
      await preparing;
      await running?.process.stop();
    },
  };
}
