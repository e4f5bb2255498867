import { type Dispatcher, errors, Pool } from 'undici';
import { errorText } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { API_KEY_SECRET, type SecretFiles } from '#lib/secret/secret-files.ts';
import type { EventRequest } from './event-request.ts';
import { type Answered, type Born, openLostCalls } from './lost-calls.ts';
import type { ConnectorMetrics } from './metrics.ts';

/** What came back from a call, before anyone has looked into it. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** How long the call took. */
  readonly tookMs: number;
}

/** No answer came: nobody was there to give one (`away`), or it took too long or broke off (`failed`). */
export interface NoReply {
  readonly noReply: 'away' | 'failed';
  readonly message: string;
}

/** Calls functions through the gateway. */
export interface Invoker {
  /** Posts to a function's root, with the appliance's key. */
  post(functionName: string, request: EventRequest, stop: AbortSignal): Promise<HttpReply | NoReply>;
  /** When the process began to live that answers for the function now: see lost-calls.ts. */
  born(functionName: string): Promise<Born | undefined>;
  close(): Promise<void>;
}

export interface InvokerOptions {
  readonly gatewayUrl: string;
  readonly timeoutMs: number;
  readonly secrets: SecretFiles;
  readonly log: Log;
  readonly metrics: Pick<ConnectorMetrics, 'lostCall'>;
}

/** An answer that is larger than any batch of outputs would be: the function went astray. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5000;

/** Opens calls to a gateway over connections that are kept. */
export function openInvoker({ gatewayUrl, timeoutMs, secrets, log, metrics }: InvokerOptions): Invoker {
  const { origin, pathname } = new URL(gatewayUrl);
  const base = pathname.replace(/\/$/, '');
  const connect = { timeout: CONNECT_TIMEOUT_MS };
  const pool = new Pool(origin, {
    connections: 128,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: MAX_ANSWER_BYTES,
    connect,
  });
  // Apart from the calls, which may have taken every connection, all of them for nothing.
  const probes = new Pool(origin, { connect });
  const pathOf = (functionName: string) => `${base}/function/${encodeURIComponent(functionName)}`;
  const probe = async (functionName: string, signal: AbortSignal): Promise<Answered> => {
    const { statusCode, headers, body } = await probes.request({
      path: `${pathOf(functionName)}/healthz`,
      method: 'GET',
      signal,
    });
    await body.dump();
    return { status: statusCode, headers };
  };
  const lostCalls = openLostCalls({ probe, log, metrics });
  return {
    async post(functionName, request, stop) {
      const path = pathOf(functionName);
      try {
        const key = await secrets.read(API_KEY_SECRET);
        const startedMs = performance.now();
        return await lostCalls.watch(functionName, stop, async (signal) => {
          const response = await pool.request({
            path,
            method: 'POST',
            headers: { ...request.headers, authorization: `Bearer ${key}` },
            body: request.body,
            signal,
          });
          const body = await bodyOf(response);
          const tookMs = performance.now() - startedMs;
          return { status: response.statusCode, headers: response.headers, body, tookMs };
        });
      } catch (error) {
        return noReply(error, path);
      }
    },
    born: lostCalls.born,
    async close() {
      lostCalls.close();
      await Promise.all([pool.destroy(), probes.destroy()]);
    },
  };
}

async function bodyOf(response: Dispatcher.ResponseData): Promise<Buffer> {
  return Buffer.from(await response.body.arrayBuffer());
}

function noReply(error: unknown, path: string): NoReply {
  const isLate = error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError;
  const isTooLarge = error instanceof errors.ResponseExceededMaxSizeError;
  return {
    noReply: isLate || isTooLarge ? 'failed' : 'away',
    message: `POST ${path}: ${errorText(error) || 'the connection was lost'}`,
  };
}
