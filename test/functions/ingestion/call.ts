import type { FunctionContext, OpenedFunction } from '#lib/function/contract.ts';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

/** Posts to an opened function as the runtime does, with the key `k1`. */
export async function post(
  fn: OpenedFunction,
  path: string,
  body: Buffer | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer: Answer = { status: 200, headers: {}, body: {} };
  const context: FunctionContext = {
    status(code) {
      answer.status = code;
      return context;
    },
    headers(values) {
      Object.assign(answer.headers, values);
      return context;
    },
    succeed(value) {
      answer.body = typeof value === 'string' ? JSON.parse(value) : value;
    },
    fail(value) {
      throw value;
    },
  };
  const [bare = '', search = ''] = path.split('?', 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  const sent = { authorization: 'Bearer k1', ...headers };
  await fn.handle({ method: 'POST', path: bare, query, headers: sent, body: Buffer.from(body) }, context);
  return answer;
}
