import { errorText } from '../error/box-error.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Whether bytes from outside are JSON in UTF-8. Only parsing tells for certain. What nests very deep is taken for none: ten megabytes
 * of brackets hold up the parser four times as long as any other.
 */
export function isJsonText(bytes: Uint8Array): boolean {
  if (nestsTooDeep(bytes)) return false;
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

/** Deeper than anything that is meant, and far from where JSON.stringify, which calls itself for each level, runs out of stack. */
const MAX_DEPTH = 1000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/** Whether JSON nests deeper than what can be written again. */
function nestsTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const sign = bytes[at];
    if (isText) {
      if (sign === BACKSLASH) at++;
      else if (sign === QUOTE) isText = false;
    } else if (sign === QUOTE) isText = true;
    else if (sign === LIST || sign === OBJECT) {
      if (++depth > MAX_DEPTH) return true;
    } else if (sign === LIST_END || sign === OBJECT_END) depth--;
  }
  return false;
}

/** What anybody may have published, as a JSON value; as text where it is none, or none that can be written again. */
export function jsonOrText(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  if (nestsTooDeep(bytes)) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
