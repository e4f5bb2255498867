import type { ErrorCode } from './box-error.ts';

/** The HTTP status of each error code (RFC 9110, 6585 for 429). */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  unprocessable: 422,
  resource_exhausted: 429,
  internal: 500,
  not_implemented: 501,
  unavailable: 503,
  deadline_exceeded: 504,
  storage_full: 507,
};
