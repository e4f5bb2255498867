import { Readable } from 'node:stream';
import findMyWay from 'find-my-way';
import { BoxError } from '../error/box-error.ts';
import { HTTP_STATUS } from '../error/http-status.ts';
import { PROBLEM_TYPE, problemDetails } from '../error/problem-details.ts';
import type { Log } from '../log/log.ts';
import type { FunctionAnswer } from '../message/function-answer.ts';
import { giveBackMemoryWhenIdle } from '../process/idle-memory.ts';
import { keepWasmSmall } from '../process/small-wasm.ts';
import { API_KEY_SECRET, type SecretFiles } from '../secret/secret-files.ts';
import { checkApiKey } from './api-key.ts';
import { readBodyStream } from './body-stream.ts';
import type { FunctionContext, FunctionEvent, OpenedFunction } from './contract.ts';
import { carriesEvents, type EventBatch, readEventBatch } from './event-batch.ts';
import { type FunctionMetrics, openMetrics } from './metrics.ts';
import type { FunctionRequest, FunctionResponse, Route } from './route.ts';

const EMPTY = Buffer.alloc(0);

export interface FunctionParts {
  readonly name: string;
  readonly log: Log;
  readonly secrets: SecretFiles;
  readonly routes?: readonly Route[];
  /** Processes the events that the connector sends to the function's root. */
  readonly processEvents?: (batch: EventBatch) => Promise<FunctionAnswer>;
  /** The error's own answer, where a route's contract wants another form than problem details. */
  readonly errorResponse?: (error: BoxError, request: FunctionRequest) => FunctionResponse | undefined;
  /** Rejects when the function cannot do its work. */
  readonly health?: () => Promise<void>;
  readonly close?: () => Promise<void>;
  /** The function's metrics, where it adds its own to the registry. */
  readonly metrics?: FunctionMetrics;
}

/**
 * What every function does, once: routing, the caller's key, reading events, errors as problem details, metrics, and a
 * process that is small while it has nothing to do.
 *
 * @throws BoxError `unavailable` when the secret `box-api-key` is not there: a function without a key does not start.
 */
export async function openFunction(parts: FunctionParts): Promise<OpenedFunction> {
  keepWasmSmall();
  await parts.secrets.read(API_KEY_SECRET);
  const endMemoryWatch = giveBackMemoryWhenIdle();
  const metrics = parts.metrics ?? openMetrics(parts.name);
  const find = routeTable(parts.routes ?? []);
  const events: Route | undefined = parts.processEvents && eventsRoute(parts.processEvents, metrics);

  const answer = async (request: FunctionRequest): Promise<{ response: FunctionResponse; route: string }> => {
    let label = 'none';
    try {
      const isEvents =
        events !== undefined && request.path === '/' && request.method === 'POST' && carriesEvents(request);
      const found = isEvents ? { route: events, params: {} } : find(request.method, request.path);
      label = found.route.path;
      const routed = { ...request, params: found.params };
      await checkAccess(found.route, routed, parts.secrets);
      return { response: await found.route.handle(routed), route: label };
    } catch (thrown) {
      return { response: failure(thrown, request, parts), route: label };
    }
  };

  return {
    ...streamLimitOf(parts.routes ?? []),
    async handle(event, context) {
      const started = performance.now();
      const { response, route } = await answer(readRequest(event));
      metrics.request(route, response.status, (performance.now() - started) / 1000);
      return send(response, context);
    },
    health: () => parts.health?.() ?? Promise.resolve(),
    metrics: () => metrics.registry.metrics(),
    async close() {
      endMemoryWatch();
      await parts.close?.();
    },
  };
}

function routeTable(routes: readonly Route[]) {
  const router = findMyWay({ ignoreTrailingSlash: true, maxParamLength: 500 });
  for (const route of routes) router.on(route.method, route.path, () => undefined, route);
  return (method: string, path: string): { route: Route; params: Record<string, string | undefined> } => {
    const found = router.find(method === 'HEAD' ? 'GET' : (method as Route['method']), path);
    if (found) return { route: found.store as Route, params: found.params };
    const allowed = (['GET', 'POST', 'PUT', 'DELETE'] as const).filter((other) => router.find(other, path) !== null);
    if (allowed.length === 0)
      throw new BoxError('not_found', `Cannot find ${path}: there is no such route`, { facts: { route: path } });
    throw new BoxError('method_not_allowed', `Cannot ${method} ${path}: allowed are ${allowed.join(', ')}`, {
      facts: { allowed },
    });
  };
}

/** The runtime asks for it before it takes a body; where no route takes streams, it need not. */
function streamLimitOf(routes: readonly Route[]): Pick<OpenedFunction, 'streamLimit'> {
  const streaming = routes.filter(({ streamLimit }) => streamLimit !== undefined);
  if (streaming.length === 0) return {};
  const router = findMyWay({ ignoreTrailingSlash: true, maxParamLength: 500 });
  for (const route of streaming) router.on(route.method, route.path, () => undefined, route);
  return {
    streamLimit({ method, path, headers }) {
      const found = router.find(method as Route['method'], path);
      return (found?.store as Route | undefined)?.streamLimit?.(headers);
    },
  };
}

function eventsRoute(process: NonNullable<FunctionParts['processEvents']>, metrics: FunctionMetrics): Route {
  return {
    method: 'POST',
    path: '/',
    async handle(request) {
      const answer = await process(readEventBatch(request));
      countResults(answer, metrics.events);
      return { status: 200, body: answer };
    },
  };
}

/** Tells how many events an answer settled, by what becomes of them. */
export function countResults(answer: FunctionAnswer, count: FunctionMetrics['events']): void {
  const counts = { ok: 0, retry: 0, dead: 0 };
  for (const result of answer.results) {
    if ('events' in result) counts.ok++;
    else if (result.error.retry) counts.retry++;
    else counts.dead++;
  }
  count('ok', counts.ok);
  count('retry', counts.retry);
  count('dead', counts.dead);
}

async function checkAccess(route: Route, request: FunctionRequest, secrets: SecretFiles): Promise<void> {
  const access = route.access ?? 'api-key';
  if (access === 'open') return;
  if (access === 'api-key') return checkApiKey(request.headers, secrets);
  return access(request);
}

function readRequest(event: FunctionEvent): FunctionRequest {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(event.headers)) {
    headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  const { body, query, method } = event;
  const request = { method, path: event.path || '/', params: {}, query, headers };
  if (body instanceof Readable) return { ...request, body: EMPTY, bodyStream: readBodyStream(body) };
  return { ...request, body: Buffer.isBuffer(body) ? body : Buffer.from(String(body ?? '')) };
}

function failure(thrown: unknown, request: FunctionRequest, parts: FunctionParts): FunctionResponse {
  const error = BoxError.from(thrown);
  const status = HTTP_STATUS[error.code];
  if (status >= 500)
    parts.log.error({ err: thrown, path: request.path, callId: request.headers['x-call-id'] }, error.message);
  return parts.errorResponse?.(error, request) ?? problemResponse(error);
}

/** An error as an RFC 9457 answer. */
function problemResponse(error: BoxError): FunctionResponse {
  const allowed = error.facts.allowed;
  return {
    status: HTTP_STATUS[error.code],
    headers: {
      'content-type': PROBLEM_TYPE,
      ...(error.retryAfterSeconds !== undefined && { 'retry-after': String(Math.ceil(error.retryAfterSeconds)) }),
      ...(error.code === 'unauthenticated' && { 'www-authenticate': 'Bearer' }),
      ...(error.code === 'method_not_allowed' && Array.isArray(allowed) && { allow: allowed.join(', ') }),
    },
    body: JSON.stringify(problemDetails(error)),
  };
}

function send(response: FunctionResponse, context: FunctionContext): unknown {
  context.status(response.status);
  if (response.headers) context.headers(response.headers);
  return context.succeed(response.body ?? '');
}
