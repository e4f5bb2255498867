import { request } from 'undici';
import { BoxError, errorText } from '#lib/error/box-error.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** What came, as JSON where it is. */
  readonly body: unknown;
}

/** Asks for a page. @throws BoxError `unavailable` where nobody answers. */
export async function ask(
  url: string,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
  method: 'GET' | 'POST' = 'GET',
): Promise<Answer> {
  try {
    const answer = await request(url, { method, headers, signal });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: answer.headers, body: parse(text) };
  } catch (cause) {
    throw new BoxError('unavailable', `nobody answers at ${new URL(url).origin}: ${errorText(cause)}`, { cause });
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

/** A member of a JSON object; undefined where there is none. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** What a problem details answer says, or its text. */
export function detailOf({ status, body }: Answer): string {
  const detail = member(body, 'detail') ?? member(body, 'error');
  if (typeof detail === 'string') return detail;
  return `it answered ${status}${typeof body === 'string' && body !== '' ? ` ${body.trim().slice(0, 200)}` : ''}`;
}
