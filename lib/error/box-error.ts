/** What a caller can act on. The set is closed: `http-status.ts` and `verdict.ts` each give every code one meaning. */
export type ErrorCode =
  | 'invalid_argument'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'method_not_allowed'
  | 'conflict'
  | 'precondition_failed'
  | 'too_large'
  | 'unsupported_media_type'
  | 'unprocessable'
  | 'resource_exhausted'
  | 'unavailable'
  | 'deadline_exceeded'
  | 'storage_full'
  | 'not_implemented'
  | 'internal';

/** One thing wrong with a document: where (an RFC 6901 JSON pointer, `''` for the whole) and what. */
export interface Problem {
  readonly pointer: string;
  readonly message: string;
}

export interface BoxErrorOptions {
  readonly cause?: unknown;
  /** Every problem of a refused document, when there can be more than one. */
  readonly problems?: readonly Problem[];
  /** Seconds after which a try again makes sense; sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** More facts for the caller, shown as members of the problem details. No secrets, no payloads. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/**
 * The one error class. Its message is for the caller, in the form "Cannot <do> <what>: <rule>, got <value>";
 * its cause is for the log.
 */
export class BoxError extends Error {
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];
  readonly retryAfterSeconds: number | undefined;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: BoxErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BoxError';
    this.code = code;
    this.problems = options.problems ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.facts = options.facts ?? {};
  }

  /** Any thrown value as a BoxError; what is not one becomes `internal`, with the value kept as its cause. */
  static from(thrown: unknown): BoxError {
    if (thrown instanceof BoxError) return thrown;
    return new BoxError('internal', 'Cannot complete the request: an unexpected error, see the log', { cause: thrown });
  }
}

/** The text of any thrown value, for logs and messages. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
