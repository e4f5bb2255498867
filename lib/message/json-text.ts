import { errorText } from '../error/box-error.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Whether bytes from outside are JSON in UTF-8. Only parsing tells for certain. */
export function isJsonText(bytes: Uint8Array): boolean {
  try {
    JSON.parse(strictUtf8.decode(bytes));
    return true;
  } catch (error) {
    // SyntaxError of the parser, TypeError of the decoder: the answer is no.
    if (error instanceof SyntaxError || error instanceof TypeError) return false;
    throw error;
  }
}

/** What the parser says of text that is no JSON, without the piece of it that the parser quotes: it may be a password. */
export function jsonFault(error: unknown): string {
  return errorText(error).replace(/, (\.\.\.)?".*$/s, ', not valid JSON');
}
