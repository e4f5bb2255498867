import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { type Dispatcher, errors, Pool } from 'undici';
import type { DeployedFunction } from './function-table.ts';

/** How a response that no function made is told from a function's own; OpenFaaS's watchdog does the same. */
const INTERNAL_HEADER = 'X-OpenFaaS-Internal';

/** Meant for the next hop alone (RFC 9110, 7.6.1), or answered by the server itself (`expect`). */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Up to this length a body is read before it is passed on, which costs less than a stream. */
const SMALL_BODY_BYTES = 64 * 1024;

export interface ProxyOptions {
  /** How long a function may take until its first byte, and between two (OpenFaaS: 60 s). */
  readonly upstreamTimeoutMs: number;
}

/** Passes requests on to functions over kept connections, streaming both ways. */
export interface FunctionProxy {
  /** `path` is what the function sees, with the query. */
  forward(target: DeployedFunction, path: string, request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

export function openProxy(options: ProxyOptions): FunctionProxy {
  const pools = new Map<string, { readonly origin: string; readonly pool: Pool }>();

  function poolOf({ name, origin }: DeployedFunction): Pool {
    const kept = pools.get(name);
    if (kept?.origin === origin) return kept.pool;
    // The process was started again, elsewhere. What is still in flight to the old one ends with it.
    kept?.pool.close();
    const { upstreamTimeoutMs } = options;
    const pool = new Pool(origin, { headersTimeout: upstreamTimeoutMs, bodyTimeout: upstreamTimeoutMs });
    pools.set(name, { origin, pool });
    return pool;
  }

  return {
    forward(target, path, request, response) {
      const callId = singleHeader(request, 'x-call-id') ?? randomUUID();
      const startTime = `${Date.now()}000000`;
      const added = ['X-Call-Id', callId, 'X-Start-Time', startTime];
      const none = `No endpoints available for: ${target.name}`;
      if (!target.available && target.wake === undefined) {
        refuse(response, 503, `${none}.`, added);
        return;
      }
      const send = (body: Readable | Buffer | null): void => {
        const { method } = request;
        const headers = requestHeaders(request, added);
        const upstream = { method: method as Dispatcher.HttpMethod, path, headers, body };
        poolOf(target).dispatch(upstream, new Forwarding(target.name, response, added));
      };
      const begin = (): void => {
        const length = bodyLength(request);
        if (length > SMALL_BODY_BYTES) send(Readable.from(asItComes(request), { objectMode: false }));
        else if (length === 0) send(null);
        else readWhole(request, length, send);
      };
      if (target.available) begin();
      else
        target
          .wake?.()
          .then((why) => (why === undefined ? begin() : refuse(response, 503, `${none} (${why}).`, added)));
    },
    async close() {
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()));
    },
  };
}

/** Answers in the gateway's own name. */
export function refuse(response: ServerResponse, status: number, text: string, headers: readonly string[] = []): void {
  const retry = status === 503 ? ['Retry-After', '1'] : [];
  const length = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', String(Buffer.byteLength(text) + 1)];
  response.writeHead(status, [...headers, ...retry, ...length, INTERNAL_HEADER, 'gateway']);
  response.end(`${text}\n`);
}

/** One request on its way: writes what the function answers to the caller, no faster than the caller reads. */
class Forwarding implements Dispatcher.DispatchHandler {
  readonly #name: string;
  readonly #response: ServerResponse;
  readonly #added: readonly string[];

  constructor(name: string, response: ServerResponse, added: readonly string[]) {
    this.#name = name;
    this.#response = response;
    this.#added = added;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const response = this.#response;
    response.on('close', () => {
      if (!response.writableFinished) controller.abort(new Error('The caller has gone'));
    });
    response.on('drain', () => controller.resume());
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return;
    this.#response.writeHead(status, responseHeaders(controller, this.#added));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    this.#response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const response = this.#response;
    if (response.destroyed) return;
    // The caller has the status already: only a cut connection says that the body is not whole.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const late = error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError;
    refuse(response, late ? 504 : 502, `Can't reach service for: ${this.#name}.`, this.#added);
  }
}

/**
 * A body as it comes. A function that answers before it has read all of it ends its connection with us, not that of the caller, who
 * gets the answer: what the caller still sends is thrown away.
 */
async function* asItComes(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false });
  } finally {
    request.resume();
  }
}

function readWhole(request: IncomingMessage, length: number, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
  });
  request.on('end', () => done(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks, length)));
}

/** The length of a request's body; infinite when it is sent in chunks. */
function bodyLength(request: IncomingMessage): number {
  if (request.headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  return Number(request.headers['content-length'] ?? 0);
}

function requestHeaders(request: IncomingMessage, added: readonly string[]): string[] {
  const headers = [...added];
  const raw = request.rawHeaders;
  let host = '';
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'host') host = value;
    if (HOP_BY_HOP.has(lower) || lower === 'x-call-id' || lower === 'x-start-time') continue;
    headers.push(name, value);
  }
  if (request.headers['x-forwarded-host'] === undefined) headers.push('X-Forwarded-Host', host);
  if (request.headers['x-forwarded-for'] === undefined) {
    headers.push('X-Forwarded-For', `${request.socket.remoteAddress}:${request.socket.remotePort}`);
  }
  return headers;
}

function responseHeaders(controller: Dispatcher.DispatchController, added: readonly string[]): string[] {
  const headers = [...added];
  const raw = controller.rawHeaders;
  if (!Array.isArray(raw)) return headers;
  for (let i = 0; i < raw.length; i += 2) {
    const name = String(raw[i]);
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || lower === 'x-call-id' || lower === 'x-start-time') continue;
    headers.push(name, Buffer.from(raw[i + 1] ?? '').toString('latin1'));
  }
  return headers;
}

function singleHeader(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
