/** A request that the runtime itself refuses, before the function sees it. Answered as RFC 9457 problem details. */
export class RequestProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.name = 'RequestProblem';
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The problem details document, with the members that the functions' own problems have. */
  body(): string {
    return JSON.stringify({
      type: `urn:thebox:error:${this.code}`,
      title: this.code.replaceAll('_', ' '),
      status: this.status,
      detail: this.message,
      code: this.code,
    });
  }
}

export const PROBLEM_TYPE = 'application/problem+json';

export function tooLarge(limit: number): RequestProblem {
  return new RequestProblem(413, 'too_large', `Cannot take the request body: it may have at most ${limit} bytes`);
}
