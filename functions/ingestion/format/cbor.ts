import { decode, type ITag, type TagDecoder } from 'cbor2';

/** Bytes of the largest whole number that is taken: beyond any number of a sensor, and read in no time. */
const MAX_BIGNUM_BYTES = 1024;
const NOT_NEGATIVE = 2;
const NEGATIVE = 3;

/** The decoder's own way takes the square of their length: one of a megabyte held up the process for hours. */
const BIGNUMS = new Map<number | bigint, TagDecoder>([
  [NOT_NEGATIVE, (tag: ITag) => magnitudeOf(tag)],
  [NEGATIVE, (tag: ITag) => -1n - magnitudeOf(tag)],
]);

/** Reads CBOR. Throws an Error for what is none. */
export function readCbor(bytes: Buffer): unknown {
  return decode(bytes, { tags: BIGNUMS });
}

function magnitudeOf({ contents }: ITag): bigint {
  if (!(contents instanceof Uint8Array) || contents.length > MAX_BIGNUM_BYTES) {
    throw new Error(`a whole number must be at most ${MAX_BIGNUM_BYTES} bytes`);
  }
  return BigInt(`0x0${Buffer.from(contents).toString('hex')}`);
}
