import { Agent, type Dispatcher, request } from 'undici';
import { BoxError, type ErrorCode, errorText, type Problem } from '#lib/error/box-error.ts';
import { HTTP_STATUS } from '#lib/error/http-status.ts';
import { type Connection, required, requiredUrl } from './connection.ts';

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
  /** What lies at a path, byte by byte. @throws BoxError as `call` does. */
  bytes(path: string): Promise<Buffer>;
  close(): Promise<void>;
}

export function openGateway(connection: Connection): Gateway {
  const base = requiredUrl(connection, 'BOX_GATEWAY');
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
    async bytes(path) {
      const options = { dispatcher: agent, headers: { authorization: `Bearer ${key}` } };
      const { status, bytes } = await fetchBytes(base + path, options);
      if (status >= 300) throw answerError({ status, headers: {}, body: parse(bytes.toString()) });
      return bytes;
    },
    close: () => agent.close(),
  };
}

type SendOptions = NonNullable<Parameters<typeof request>[1]>;

async function send(url: string, options: SendOptions): Promise<GatewayAnswer> {
  const { status, headers, bytes } = await fetchBytes(url, options);
  return { status, headers, body: parse(bytes.toString()) };
}

async function fetchBytes(url: string, options: SendOptions) {
  try {
    const { statusCode, headers, body } = await request(url, options);
    return { status: statusCode, headers, bytes: Buffer.from(await body.arrayBuffer()) };
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
  // The Open Inference Protocol says `error` where problem details say `detail`.
  const said = [problem.detail, problem.error].find((text) => typeof text === 'string');
  const detail = said ?? `the gateway answered ${status} ${String(body)}`.trim();
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
