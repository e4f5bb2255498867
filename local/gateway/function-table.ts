import type { LogBuffer } from '../server/log-buffer.ts';

/** A function as the gateway knows it. */
export interface DeployedFunction {
  readonly name: string;
  /** Where its process listens: `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** Whether its process takes requests at this moment. */
  readonly available: boolean;
  /**
   * Starts a function that sleeps until it is called. Resolves once it takes requests, or at once with what has to be done
   * before, when that takes long.
   */
  readonly wake?: () => Promise<string | undefined>;
  readonly image: string;
  readonly process: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Names alone; what they hold is nobody's business. */
  readonly secrets: readonly string[];
  /** How many calls it takes at a time, as the watchdog's `max_inflight`; 0 is without limit. */
  readonly maxInflight: number;
  readonly createdAt: Date;
  readonly log: LogBuffer;
}

/** Which functions there are; who starts and restarts them keeps it. */
export interface FunctionTable {
  find(name: string): DeployedFunction | undefined;
  list(): readonly DeployedFunction[];
}
