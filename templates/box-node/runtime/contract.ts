import type { IncomingHttpHeaders } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';
import type { FunctionContext } from './context.ts';

/** What a handler is called with; the fields of the official OpenFaaS node templates. */
export interface FunctionEvent {
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly method: string;
  readonly query: ParsedUrlQuery;
  readonly path: string;
}

/** The third argument of a handler, kept from the official templates. */
export type Callback = (error?: unknown, value?: unknown) => void;

export type Handler = (event: FunctionEvent, context: FunctionContext, callback: Callback) => unknown;

/** A loaded function, whichever of the two contracts it was written for. */
export interface LoadedFunction {
  /** For the log: which contract it is. */
  readonly contract: 'box' | 'openfaas';
  /** The Content-Type of an answer that is a string and names none. */
  readonly textType: string;
  readonly handler: Handler;
  /** The most bytes that the body of a request with these headers may have. */
  bodyLimit(headers: IncomingHttpHeaders): number;
  /**
   * The event's body, made of the bytes that came; `raw` is undefined where the request has no body.
   * @throws RequestProblem where the bytes are not what the Content-Type says
   */
  readBody(raw: Buffer | undefined, headers: IncomingHttpHeaders): unknown;
  /** Told of every answered call. */
  observe(status: number, seconds: number): void;
  /** Rejects while the function cannot do its work. */
  health(): Promise<void>;
  /** Prometheus text. */
  metrics(): Promise<string>;
  close(): Promise<void>;
}
