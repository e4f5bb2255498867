import type { Readable } from 'node:stream';
import { BoxError } from '../error/box-error.ts';
import { bareContentType, isJsonContentType } from '../message/cloud-event.ts';
import { jsonFault } from '../message/json-text.ts';
import type { FunctionEvent } from './contract.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** A request as routes see it. */
export interface FunctionRequest {
  readonly method: string;
  readonly path: string;
  /** What the path's parameters stand for, percent-decoded. */
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: Readonly<Record<string, unknown>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Empty where the body comes as a stream. */
  readonly body: Buffer;
  /** The body as it comes, to be read once, where the route asked for that. It throws BoxError where it breaks off. */
  readonly bodyStream?: AsyncIterable<Buffer>;
}

/** A route's answer: an object is sent as JSON, text and bytes as they are, a stream is piped. */
export interface FunctionResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string | Buffer | Readable;
}

export interface Route {
  readonly method: Method;
  /** A find-my-way pattern: `/scenario/:id`, `/signal/*`. */
  readonly path: string;
  /** `api-key` (the default) or a check of the route's own that throws when the caller may not. */
  readonly access?: 'api-key' | 'open' | ((request: FunctionRequest) => Promise<void>);
  /** For a request whose body the route takes as a stream: the most bytes that it may have. */
  readonly streamLimit?: (headers: FunctionEvent['headers']) => number | undefined;
  readonly handle: (request: FunctionRequest) => Promise<FunctionResponse>;
}

/**
 * The request's body as a JSON value.
 *
 * @throws BoxError `unsupported_media_type` for another declared type, `invalid_argument` for text that is not JSON.
 */
export function jsonBody(request: FunctionRequest): unknown {
  const type = bareContentType(request.headers['content-type']);
  // curl -d sends its body as a form unless told otherwise; what is JSON is taken as JSON.
  if (type !== undefined && !isJsonContentType(type) && type !== 'application/x-www-form-urlencoded') {
    throw new BoxError(
      'unsupported_media_type',
      `Cannot read body: Content-Type must be application/json, got ${type}`,
    );
  }
  return parseJson(request.body);
}

/**
 * Bytes as a JSON value.
 *
 * @throws BoxError `invalid_argument` with the parser's own words on where it stopped.
 */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read body: it must be JSON (${jsonFault(cause)})`, { cause });
  }
}

/** One query parameter as text, undefined when absent. */
export function queryText(request: FunctionRequest, name: string): string | undefined {
  const value = request.query[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new BoxError('invalid_argument', `Cannot read query: ${name} must be given once`);
}

/** One query parameter as a whole number within bounds; undefined when absent. */
export function queryInteger(request: FunctionRequest, name: string, min: number, max: number): number | undefined {
  const value = queryText(request, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^-?\d+$/.test(value) || number < min || number > max) {
    throw new BoxError(
      'invalid_argument',
      `Cannot read query: ${name} must be a whole number from ${min} to ${max}, got ${value}`,
    );
  }
  return number;
}
