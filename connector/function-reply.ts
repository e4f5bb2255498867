import { decodeValue } from '#lib/bus/event-headers.ts';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { bareContentType } from '#lib/message/cloud-event.ts';
import { type EventResult, isFunctionAnswer, parseFunctionAnswer, type Wake } from '#lib/message/function-answer.ts';
import type { HttpReply, NoReply } from './invoker.ts';
import type { RawOutput } from './output-message.ts';

/** What a call came to. */
export type Reply =
  /** One result per event, in our form. */
  | { readonly kind: 'results'; readonly results: readonly EventResult[]; readonly wake: readonly Wake[] }
  /** 2xx in another form: a function that knows nothing of events. Without a body there is no output. */
  | { readonly kind: 'plain'; readonly output: RawOutput | undefined }
  /** Nobody is there to answer, or says that it cannot now. `lost`: perhaps a process had the call, and ended. */
  | {
      readonly kind: 'away';
      readonly code: string;
      readonly message: string;
      readonly retryAfterMs: number;
      readonly lost: boolean;
    }
  /** The function failed: perhaps because of an event, perhaps not. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** The function refuses what was sent, and would again. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly tooLarge: boolean };

/** Reads what came back. `ids` are those of the events that were sent, in order. */
export function readReply(reply: HttpReply | NoReply, ids: readonly string[]): Reply {
  if ('noReply' in reply) {
    return reply.noReply === 'away'
      ? { kind: 'away', code: 'unavailable', message: reply.message, retryAfterMs: 0, lost: true }
      : { kind: 'failed', code: 'deadline_exceeded', message: reply.message };
  }
  if (reply.status >= 200 && reply.status < 300) return readSuccess(reply, ids);
  const { code, message, isOurs } = problemOf(reply);
  if (isAway(reply, isOurs)) {
    const lost = reply.status === 502 || reply.status === 500;
    return { kind: 'away', code, message, retryAfterMs: retryAfterMs(reply), lost };
  }
  if (reply.status >= 400 && reply.status < 500 && reply.status !== 408 && reply.status !== 425) {
    return { kind: 'refused', code, message, tooLarge: reply.status === 413 };
  }
  return { kind: 'failed', code, message };
}

/** Whoever refuses a connection or drops it does so at once. */
const UNREACHABLE_WITHIN_MS = 10_000;

/** Whether the answer says that the function is not there, is busy, or lacks something that it needs. */
function isAway({ status, headers, body, tookMs }: HttpReply, isOurs: boolean): boolean {
  if (status === 502 || status === 503 || status === 429) return true;
  // OpenFaaS's providers: the container is gone, or not up yet. They say the same when their own time for a call is over.
  if (status === 500 && startsWith(body, /^Can't reach service for/)) return tookMs < UNREACHABLE_WITHIN_MS;
  const isPlatform = headers['x-openfaas-internal'] !== undefined;
  // of-watchdog listens before the function does, and after it has died.
  if (status === 500 && isPlatform && body.length === 0) return true;
  // A key that was changed a moment ago: see VERDICT in lib/error/verdict.ts.
  if ((status === 401 || status === 403) && isOurs) return true;
  // The gateway, not the function: it is not deployed (yet).
  return status === 404 && (isPlatform || startsWith(body, /^(No such function|error finding function)/i));
}

function startsWith(body: Buffer, text: RegExp): boolean {
  return text.test(body.toString('utf8', 0, 100));
}

function readSuccess(reply: HttpReply, ids: readonly string[]): Reply {
  const answer = parseJson(reply);
  if (!isFunctionAnswer(answer) || answer.results.length === 0) return { kind: 'plain', output: plainOutput(reply) };
  try {
    const { results, wake = [] } = parseFunctionAnswer(answer, ids);
    return { kind: 'results', results, wake };
  } catch (error) {
    if (!(error instanceof BoxError)) throw error;
    return { kind: 'failed', code: error.code, message: error.message };
  }
}

function parseJson({ body, headers }: HttpReply): unknown {
  const type = bareContentType(text(headers['content-type']));
  // Our functions say JSON; whoever says nothing may have meant it.
  if (body.length === 0 || (type !== undefined && !type.includes('json') && type !== 'text/plain')) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function plainOutput({ body, headers }: HttpReply): RawOutput | undefined {
  if (body.length === 0) return undefined;
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (/^ce-[a-z0-9]+$/.test(name)) attributes[name.slice(3)] = decodeValue(text(value) ?? '');
  }
  return { contentType: text(headers['content-type']), attributes, body };
}

/** Code and message of an error answer: from problem details, else from its status. */
function problemOf({ status, body, headers }: HttpReply): { code: string; message: string; isOurs: boolean } {
  const problem = bareContentType(text(headers['content-type'])) === 'application/problem+json' ? body : undefined;
  try {
    const details: unknown = problem === undefined ? undefined : JSON.parse(problem.toString('utf8'));
    if (typeof details === 'object' && details !== null && 'detail' in details) {
      const code = 'code' in details ? String(details.code) : `http_${status}`;
      return { code, message: `${status}: ${String(details.detail)}`, isOurs: 'code' in details };
    }
  } catch (error) {
    return {
      code: `http_${status}`,
      message: `${status}, and its body is no JSON (${errorText(error)})`,
      isOurs: false,
    };
  }
  const said = body.toString('utf8', 0, 300).replace(/\s+/g, ' ').trim();
  return { code: `http_${status}`, message: said === '' ? `${status}` : `${status}: ${said}`, isOurs: false };
}

function retryAfterMs({ headers }: HttpReply): number {
  const value = text(headers['retry-after']);
  if (value === undefined) return 0;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : 0;
}

function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
