import { Agent, type Dispatcher, request } from 'undici';
import { BoxError, type ErrorCode, errorText, type Problem } from '#lib/error/box-error.ts';
import { HTTP_STATUS } from '#lib/error/http-status.ts';
import { type Connection, required } from './connection.ts';

export interface GatewayAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface GatewayRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Below the gateway: `/function/NAME/…`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Calls functions through the gateway with the appliance's key. */
export interface Gateway {
  /** @throws BoxError with the function's own code and words for every status that is not 2xx. */
  call(request: GatewayRequest): Promise<GatewayAnswer>;
  close(): Promise<void>;
}

export function openGateway(connection: Connection): Gateway {
  const base = required(connection, 'BOX_GATEWAY').replace(/\/+$/, '');
  const key = required(connection, 'BOX_API_KEY');
  const agent = new Agent({ connections: 32 });
  return {
    async call({ method, path, headers, body }) {
      const answer = await send(base + path, {
        method,
        dispatcher: agent,
        headers: { authorization: `Bearer ${key}`, ...headers },
        ...(body !== undefined && { body }),
      });
      if (answer.status >= 300) throw answerError(answer);
      return answer;
    },
    close: () => agent.close(),
  };
}

type SendOptions = NonNullable<Parameters<typeof request>[1]>;

async function send(url: string, options: SendOptions): Promise<GatewayAnswer> {
  try {
    const response = await request(url, options);
    const text = await response.body.text();
    return { status: response.statusCode, headers: response.headers, body: parse(text) };
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot reach ${new URL(url).origin}: ${errorText(cause)}`, { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** A problem details answer as the error that it tells of. */
function answerError({ status, body }: GatewayAnswer): BoxError {
  const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const detail =
    typeof problem.detail === 'string' ? problem.detail : `the gateway answered ${status} ${String(body)}`.trim();
  return new BoxError(codeOf(problem.code, status), detail, { problems: problemsOf(problem.errors) });
}

function codeOf(code: unknown, status: number): ErrorCode {
  const named = Object.keys(HTTP_STATUS).find((known) => known === code);
  const fitting = named ?? Object.entries(HTTP_STATUS).find(([, s]) => s === status)?.[0];
  if (fitting) return fitting as ErrorCode;
  return status === 502 ? 'unavailable' : 'internal';
}

function problemsOf(errors: unknown): Problem[] {
  if (!Array.isArray(errors)) return [];
  return errors.map((error: { pointer?: unknown; detail?: unknown }) => ({
    pointer: String(error.pointer ?? ''),
    message: String(error.detail ?? ''),
  }));
}
