import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { parse as parseQuery } from 'node:querystring';
import type { Duplex } from 'node:stream';
import { FunctionContext, type Outcome } from './context.ts';
import type { FunctionEvent, LoadedFunction, RequestHead } from './contract.ts';
import { invoke } from './invoke.ts';
import { errorFacts, log } from './log.ts';
import { PROBLEM_TYPE, RequestProblem } from './problem.ts';
import { askForBody, type Exchange, type Reply, sendProblem, sendReply, UPTIME_HEADER } from './reply.ts';
import { BodyStream, checkAnnouncedSize, collectBody, discardRest, HUNG_UP, hasBody } from './request-body.ts';

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
  const onRequest = (request: IncomingMessage, response: ServerResponse, isHeldBack: boolean): void => {
    response.setHeader(UPTIME_HEADER, (performance.now() / 1000).toFixed(3));
    if (state.draining) response.setHeader('Connection', 'close');
    const exchange = { request, response, isHeldBack };
    serve(state, exchange).catch((thrown: unknown) => answerThrown(exchange, thrown));
  };
  server.on('request', (request, response) => onRequest(request, response, false));
  server.on('checkContinue', (request, response) => onRequest(request, response, true));
  server.on('clientError', refuseMalformed);
  return server;
}

async function answerThrown(exchange: Exchange, thrown: unknown): Promise<void> {
  const isProblem = thrown instanceof RequestProblem;
  if (!isProblem) log('error', 'The answer could not be sent', { path: exchange.request.url, ...errorFacts(thrown) });
  if (exchange.response.headersSent) exchange.response.destroy();
  else await sendProblem(exchange, isProblem ? thrown : UNEXPECTED);
}

async function serve(state: RuntimeState, exchange: Exchange): Promise<void> {
  const { request } = exchange;
  const { path, search } = splitTarget(request.url ?? '/');
  const { loaded } = state;
  if (path === '/healthz' && isProbe(request)) return answerHealth(state, exchange);
  if (!loaded) throw STARTING;
  if (path === '/metrics' && isProbe(request)) return answerMetrics(loaded, exchange);
  if (loaded.streamLimit && hasBody(request)) {
    const head = { headers: request.headers, method: request.method ?? 'GET', path };
    const limit = loaded.streamLimit(head);
    if (limit !== undefined) return serveStream(loaded, { head, search, limit }, exchange);
  }
  const raw = hasBody(request) ? await takeBody(exchange, loaded.bodyLimit(request.headers)) : undefined;
  if (raw === HUNG_UP) return;
  const started = performance.now();
  const body = await loaded.readBody(raw, request.headers);
  const event = { body, headers: request.headers, method: request.method ?? 'GET', query: parseQuery(search), path };
  await answerCall(loaded, event, exchange, started);
}

/** Calls a function that reads the body while it comes. What it leaves unread is thrown away before it is answered. */
async function serveStream(
  loaded: LoadedFunction,
  { head, search, limit }: { head: RequestHead; search: string; limit: number },
  exchange: Exchange,
): Promise<void> {
  checkAnnouncedSize(exchange.request, limit);
  const body = new BodyStream(exchange.request, limit, () => askForBody(exchange));
  // A handler that never looks at the body is not told that the caller hung up, unless by context.signal.
  body.on('error', () => undefined);
  const event = { ...head, body, query: parseQuery(search) };
  await answerCall(loaded, event, exchange, performance.now(), () => leaveUnread(exchange, body, limit));
}

/** Whoever is answered while it is sending may take that for a broken connection: see sendProblem. */
async function leaveUnread(exchange: Exchange, body: BodyStream, limit: number): Promise<void> {
  const { request, response } = exchange;
  body.destroy();
  askForBody(exchange);
  const isRead = await discardRest(request, limit);
  // All of it may have come, and wait to be read: until then the connection takes no further request.
  request.resume();
  if (!isRead && !response.destroyed) response.setHeader('Connection', 'close');
}

async function takeBody(exchange: Exchange, limit: number): Promise<Buffer | typeof HUNG_UP> {
  checkAnnouncedSize(exchange.request, limit);
  askForBody(exchange);
  return collectBody(exchange.request, limit);
}

async function answerCall(
  loaded: LoadedFunction,
  event: FunctionEvent,
  exchange: Exchange,
  started: number,
  beforeReply?: () => Promise<void>,
): Promise<void> {
  const { response } = exchange;
  const context = new FunctionContext();
  response.once('close', () => {
    if (!response.writableFinished) context.abandon();
  });
  const outcome = await invoke(loaded.handler, event, context);
  const reply = replyOf(loaded, context, outcome, event);
  loaded.observe(reply.status, (performance.now() - started) / 1000);
  await beforeReply?.();
  if (reply instanceof RequestProblem) throw reply;
  await sendReply(exchange, reply);
}

function replyOf(
  loaded: LoadedFunction,
  context: FunctionContext,
  { kind, value }: Outcome,
  event: FunctionEvent,
): Reply | RequestProblem {
  const { textType } = loaded;
  const isError = kind === 'thrown' || (kind === 'failed' && value instanceof Error);
  if (!isError) return { status: context.status(), headers: context.headers(), value, textType };
  log('error', 'The handler failed', { method: event.method, path: event.path, ...errorFacts(value) });
  if (kind === 'thrown' && loaded.contract === 'box') return UNEXPECTED;
  const status = context.status() === 200 ? 500 : context.status();
  return { status, headers: {}, value: String(value), textType };
}

async function answerHealth(state: RuntimeState, exchange: Exchange): Promise<void> {
  if (!state.loaded) throw STARTING;
  if (state.draining) throw DRAINING;
  try {
    await state.loaded.health();
  } catch (thrown) {
    throw new RequestProblem(503, 'unavailable', thrown instanceof Error ? thrown.message : String(thrown), 1);
  }
  await sendReply(exchange, { status: 200, headers: {}, value: { status: 'ok' }, textType: '' });
}

async function answerMetrics(loaded: LoadedFunction, exchange: Exchange): Promise<void> {
  const value = await loaded.metrics();
  await sendReply(exchange, { status: 200, headers: {}, value, textType: 'text/plain; version=0.0.4' });
}

function isProbe({ method }: IncomingMessage): boolean {
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
