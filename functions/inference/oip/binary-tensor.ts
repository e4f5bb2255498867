import { BoxError } from '#lib/error/box-error.ts';
import type { Dtype } from '#lib/tensor/dtype.ts';
import { isStrings, numericFromBytes, type Tensor, tensorBytes } from '#lib/tensor/tensor.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A tensor from its raw bytes: little-endian elements; for text each element's length in four bytes, then its bytes.
 *
 * @throws BoxError `invalid_argument` when the bytes are not exactly so many elements
 */
export function readBinaryTensor(dtype: Dtype, shape: readonly number[], count: number, bytes: Buffer): Tensor {
  if (dtype !== 'string') return { dtype, shape, data: checkBool(dtype, numericFromBytes(dtype, bytes, count)) };
  return { dtype, shape, data: readTexts(bytes, count) };
}

function checkBool<T extends ArrayLike<unknown>>(dtype: Dtype, data: T): T {
  if (dtype === 'bool' && Array.prototype.some.call(data, (item) => Number(item) > 1)) {
    throw new BoxError('invalid_argument', 'Cannot read tensor: an element of BOOL must be 0 or 1');
  }
  return data;
}

function readTexts(bytes: Buffer, count: number): string[] {
  const texts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + 4 <= bytes.length ? at + 4 + bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw invalid(`element ${texts.length} reaches beyond its end`);
    texts.push(decode(bytes.subarray(at + 4, end), texts.length));
    at = end;
  }
  if (texts.length !== count) throw invalid(`there must be ${count} elements, got ${texts.length}`);
  return texts;
}

function decode(bytes: Buffer, place: number): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read BYTES tensor: element ${place} must be UTF-8`, { cause });
  }
}

function invalid(rule: string): BoxError {
  return new BoxError('invalid_argument', `Cannot read BYTES tensor: ${rule}`);
}

/** The raw bytes of a tensor. */
export function writeBinaryTensor({ data }: Tensor): Buffer {
  if (!isStrings(data)) return tensorBytes(data);
  return Buffer.concat(
    data.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}
