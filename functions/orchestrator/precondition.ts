import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionRequest } from '#lib/function/route.ts';

/** What has a revision: a scenario, a source. */
interface Revised {
  readonly rev: string;
}

/** What a caller asks of the thing as it is now, undefined when there is none; throws BoxError `precondition_failed`. */
export type Precondition = (current: Revised | undefined) => void;

/** A revision as an entity tag. */
export function etagOf(rev: string): string {
  return `"${rev}"`;
}

/** The preconditions of a change: If-Match and If-None-Match of RFC 9110. */
export function preconditionOf(request: FunctionRequest, kind = 'scenario'): Precondition {
  const { 'if-match': match, 'if-none-match': noneMatch } = request.headers;
  return (current) => {
    if (match !== undefined && !matches(match, current)) throw failed(kind, `If-Match is ${match}`, current);
    if (noneMatch !== undefined && matches(noneMatch, current)) {
      throw failed(kind, `If-None-Match is ${noneMatch}`, current);
    }
  };
}

/** Whether the caller has the revision already, by If-None-Match. */
export function isFresh(request: FunctionRequest, record: Revised): boolean {
  const noneMatch = request.headers['if-none-match'];
  return noneMatch !== undefined && matches(noneMatch, record);
}

function matches(header: string, current: Revised | undefined): boolean {
  if (current === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim() === etagOf(current.rev));
}

function failed(kind: string, rule: string, current: Revised | undefined): BoxError {
  const found = current === undefined ? `there is no such ${kind}` : `the ${kind} is at ${etagOf(current.rev)}`;
  return new BoxError('precondition_failed', `Cannot change ${kind}: ${rule}, but ${found}`, {
    ...(current !== undefined && { facts: { rev: current.rev } }),
  });
}
