import type { ErrorCode } from './box-error.ts';

/** What becomes of a message whose processing ended in an error: tried again, or put among the dead letters. */
export type Verdict = 'retry' | 'dead';

/** What each error code means for the message: the fault of the message (dead) or of the moment (retry). */
export const VERDICT: Readonly<Record<ErrorCode, Verdict>> = {
  invalid_argument: 'dead',
  unauthenticated: 'retry',
  permission_denied: 'retry',
  not_found: 'dead',
  method_not_allowed: 'dead',
  conflict: 'retry',
  precondition_failed: 'dead',
  too_large: 'dead',
  unsupported_media_type: 'dead',
  unprocessable: 'dead',
  resource_exhausted: 'retry',
  internal: 'retry',
  not_implemented: 'dead',
  unavailable: 'retry',
  deadline_exceeded: 'retry',
  storage_full: 'retry',
};
