import type { IncomingHttpHeaders } from 'node:http';
import type { ParsedUrlQuery } from 'node:querystring';
import type { FunctionContext } from './context.ts';

/** What a handler is called with; the fields of the official OpenFaaS node templates. */
export interface FunctionEvent {
  /** What `readBody` made of it; a Readable where the function takes this request's body as it comes. */
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly method: string;
  readonly query: ParsedUrlQuery;
  readonly path: string;
}

/** What is known of a request before its body has come. */
export type RequestHead = Pick<FunctionEvent, 'headers' | 'method' | 'path'>;

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
  /**
   * For a request whose body the function takes as it comes: the most bytes that it may have. Undefined for one that is
   * held whole; a function without this has all of them whole.
   */
  readonly streamLimit?: (request: RequestHead) => number | undefined;
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
