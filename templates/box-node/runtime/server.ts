import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { parse as parseQuery } from 'node:querystring';
import type { Duplex } from 'node:stream';
import { FunctionContext, type Outcome } from './context.ts';
import type { FunctionEvent, LoadedFunction } from './contract.ts';
import { invoke } from './invoke.ts';
import { errorFacts, log } from './log.ts';
import { PROBLEM_TYPE, RequestProblem } from './problem.ts';
import { sendProblem, sendReply } from './reply.ts';
import { checkAnnouncedSize, collectBody, hasBody } from './request-body.ts';

/** Longer than the gateway and the watchdog keep an idle connection (90 s at most), so that they, not we, close it. */
const KEEP_ALIVE_MS = 120_000;

/** What the runtime is doing: the function is being opened, serves, or finishes its last calls. */
export interface RuntimeState {
  loaded: LoadedFunction | undefined;
  draining: boolean;
}

const STARTING = new RequestProblem(503, 'unavailable', 'Cannot serve yet: the function is starting', 1);
const DRAINING = new RequestProblem(503, 'unavailable', 'Cannot serve any more: the function is shutting down', 1);
const UNEXPECTED = new RequestProblem(500, 'internal', 'Cannot complete the request: an unexpected error, see the log');

/** The HTTP server in front of a function. It serves `/healthz` and `/metrics` itself. */
export function createRuntimeServer(state: RuntimeState): Server {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS });
  const onRequest = (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void => {
    if (state.draining) response.setHeader('Connection', 'close');
    serve(state, request, response, awaitsContinue).catch((thrown: unknown) => {
      if (thrown instanceof RequestProblem && !response.headersSent) return sendProblem(request, response, thrown);
      log('error', 'The answer could not be sent', { path: request.url, ...errorFacts(thrown) });
      if (response.headersSent) response.destroy();
      else sendProblem(request, response, UNEXPECTED);
    });
  };
  server.on('request', (request, response) => onRequest(request, response, false));
  server.on('checkContinue', (request, response) => onRequest(request, response, true));
  server.on('clientError', refuseMalformed);
  return server;
}

async function serve(
  state: RuntimeState,
  request: IncomingMessage,
  response: ServerResponse,
  awaitsContinue: boolean,
): Promise<void> {
  const { path, search } = splitTarget(request.url ?? '/');
  const { loaded } = state;
  if (path === '/healthz' && isRead(request)) return answerHealth(state, request, response);
  if (!loaded) throw STARTING;
  if (path === '/metrics' && isRead(request)) return answerMetrics(loaded, request, response);
  let raw: Buffer | undefined;
  if (hasBody(request)) {
    const limit = loaded.bodyLimit(request.headers);
    checkAnnouncedSize(request, limit);
    if (awaitsContinue) response.writeContinue();
    raw = await collectBody(request, limit);
    if (raw === undefined) return;
  }
  const started = performance.now();
  const body = await loaded.readBody(raw, request.headers);
  const event = { body, headers: request.headers, method: request.method ?? 'GET', query: parseQuery(search), path };
  await answerCall(loaded, event, request, response, started);
}

async function answerCall(
  loaded: LoadedFunction,
  event: FunctionEvent,
  request: IncomingMessage,
  response: ServerResponse,
  started: number,
): Promise<void> {
  const context = new FunctionContext();
  response.once('close', () => {
    if (!response.writableFinished) context.abandon();
  });
  const outcome = await invoke(loaded.handler, event, context);
  const { status, headers, value } = answerOf(loaded, context, outcome, event);
  loaded.observe(status, (performance.now() - started) / 1000);
  if (outcome.kind === 'thrown' && value === undefined) throw UNEXPECTED;
  await sendReply(request, response, { status, headers, value, textType: loaded.textType });
}

function answerOf(
  loaded: LoadedFunction,
  context: FunctionContext,
  outcome: Outcome,
  event: FunctionEvent,
): { status: number; headers: Record<string, unknown>; value: unknown } {
  const { kind, value } = outcome;
  if (kind === 'succeeded') return { status: context.status(), headers: context.headers(), value };
  if (kind === 'failed' && !(value instanceof Error)) {
    return { status: context.status(), headers: context.headers(), value };
  }
  log('error', 'The handler failed', { method: event.method, path: event.path, ...errorFacts(value) });
  const status = context.status() === 200 ? 500 : context.status();
  return { status, headers: {}, value: kind === 'failed' ? String(value) : loaded.describeThrown(value) };
}

async function answerHealth(state: RuntimeState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!state.loaded) throw STARTING;
  if (state.draining) throw DRAINING;
  try {
    await state.loaded.health();
  } catch (thrown) {
    throw new RequestProblem(503, 'unavailable', thrown instanceof Error ? thrown.message : String(thrown), 1);
  }
  await sendReply(request, response, { status: 200, headers: {}, value: { status: 'ok' }, textType: '' });
}

async function answerMetrics(
  loaded: LoadedFunction,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const value = await loaded.metrics();
  await sendReply(request, response, { status: 200, headers: {}, value, textType: 'text/plain; version=0.0.4' });
}

function isRead({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Path and query of a request target, which may be absolute (RFC 9112 3.2.2). */
function splitTarget(target: string): { path: string; search: string } {
  const relative = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  const mark = relative.indexOf('?');
  if (mark < 0) return { path: relative || '/', search: '' };
  return { path: relative.slice(0, mark) || '/', search: relative.slice(mark + 1) };
}

/** What cannot be parsed as HTTP is answered in plain bytes, as there is no request to answer. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ''] ?? 400;
  const body = new RequestProblem(status, 'invalid_argument', `Cannot read the request: ${error.message}`).body();
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
