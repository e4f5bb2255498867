/** The handler contract of the OpenFaaS node templates, as the runtime in `templates/` calls it. */

export interface FunctionEvent {
  /** A Buffer for functions with `open`, a Readable where `streamLimit` asked for one; parsed JSON or text for others. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly method: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** The path below the function's name, from `/`. */
  readonly path: string;
}

export interface FunctionContext {
  status(code: number): FunctionContext;
  headers(values: Readonly<Record<string, string>>): FunctionContext;
  succeed(value: unknown): unknown;
  fail(value: unknown): unknown;
}

/** What `open(env)` of a handler module resolves to. */
export interface OpenedFunction {
  handle(event: FunctionEvent, context: FunctionContext): Promise<unknown>;
  /**
   * For a request whose body is to come as a stream: the most bytes that it may have. Undefined for one that is held whole, as
   * all are without this. The stream ends with an error when the caller hangs up, and beyond the limit, its `code` then
   * being `too_large`.
   */
  readonly streamLimit?: (request: Pick<FunctionEvent, 'headers' | 'method' | 'path'>) => number | undefined;
  /** Resolves when the function can do its work; rejects with the reason when it cannot. */
  health(): Promise<void>;
  /** The metrics in Prometheus text format. */
  metrics(): Promise<string>;
  /** Closes what was opened; called once, after the last request was answered. */
  close(): Promise<void>;
}
