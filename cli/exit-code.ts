import { BoxError, type ErrorCode } from '#lib/error/box-error.ts';

/** What `box` ends with, after sysexits.h where it has a word for it. */
export const EXIT = {
  ok: 0,
  /** Anything not named below. */
  failed: 1,
  /** Bad arguments or a document that was refused. */
  usage: 2,
  notFound: 3,
  conflict: 4,
  denied: 5,
  /** The appliance, or a part of it, is not there: try again. */
  unavailable: 69,
} as const;

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  invalid_argument: EXIT.usage,
  unprocessable: EXIT.usage,
  unsupported_media_type: EXIT.usage,
  too_large: EXIT.usage,
  not_found: EXIT.notFound,
  conflict: EXIT.conflict,
  precondition_failed: EXIT.conflict,
  unauthenticated: EXIT.denied,
  permission_denied: EXIT.denied,
  unavailable: EXIT.unavailable,
  resource_exhausted: EXIT.unavailable,
  deadline_exceeded: EXIT.unavailable,
  storage_full: EXIT.unavailable,
};

/** The exit code for a thrown value. */
export function exitCodeOf(thrown: unknown): number {
  return (thrown instanceof BoxError && BY_CODE[thrown.code]) || EXIT.failed;
}
