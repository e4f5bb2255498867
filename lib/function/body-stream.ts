import type { Readable } from 'node:stream';
import { BoxError, errorText } from '../error/box-error.ts';

/**
 * The bytes of a request's body as they come. Whoever stops reading before its end gives up the rest.
 *
 * @throws BoxError `too_large` beyond the limit that the runtime was told, `invalid_argument` where the body breaks off.
 */
export async function* readBodyStream(body: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'too_large') {
      throw new BoxError('too_large', cause.message, { cause });
    }
    throw new BoxError('invalid_argument', `Cannot read the request body: it broke off (${errorText(cause)})`, {
      cause,
    });
  }
}
