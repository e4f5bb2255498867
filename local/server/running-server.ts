import type { ChildExit } from './child-process.ts';

/** A server that was started here. */
export interface RunningServer {
  readonly pid: number;
  /** Settles when the server has ended, by whatever cause. */
  readonly exited: Promise<ChildExit>;
  /** Ends it in order and resolves once it is gone. Its data stays. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

/** What every server is started with. */
export interface ServerOptions {
  /** Where it keeps its data. */
  readonly dataDir: string;
  /** The port of 127.0.0.1 (default any free one). */
  readonly port?: number;
  /** Where its log is kept, appended to. */
  readonly logFile?: string;
}
