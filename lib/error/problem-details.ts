import type { BoxError } from './box-error.ts';
import { HTTP_STATUS } from './http-status.ts';

/** The media type of RFC 9457 problem details. */
export const PROBLEM_TYPE = 'application/problem+json';

export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly [fact: string]: unknown;
}

/** An error as RFC 9457 problem details: code and message, never a stack or a cause. */
export function problemDetails(error: BoxError): ProblemDetails {
  return {
    ...error.facts,
    type: `urn:thebox:error:${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status: HTTP_STATUS[error.code],
    detail: error.message,
    code: error.code,
    ...(error.problems.length > 0 && {
      errors: error.problems.map(({ pointer, message }) => ({ pointer, detail: message })),
    }),
  };
}
