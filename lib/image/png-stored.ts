import { crc32 } from 'node:zlib';
import { encodePng } from './png.ts';

/** Writes PNGs of one size, each of `bytes` bytes. */
export interface StoredPng {
  readonly bytes: number;
  /** Writes the picture whose pixels begin at `from` of `pixels` to `at` of `out`. */
  write(pixels: Buffer, from: number, out: Buffer, at: number): void;
}

/** What stands before the pixels: signature and IHDR, then length and name of IDAT. */
const HEAD_BYTES = 33;
const IDAT_AT = HEAD_BYTES + 8;
const IEND_BYTES = 12;
/** A zlib stream (RFC 1950) of stored blocks: 2 bytes before them, a sum of 4 behind. */
const BLOCK = 65_535;
const BLOCK_HEAD_BYTES = 5;
const ADLER_BASE = 65_521;
/** As many bytes as fit into the sums before they must be reduced. */
const ADLER_RUN = 3800;

/**
 * Grey PNGs of 8 bits whose pixels are not compressed, for pictures that are read once and thrown away: setting up a
 * compressor costs twenty times more than copying a small picture.
 */
export function openStoredPng(width: number, height: number): StoredPng {
  const raw = (width + 1) * height;
  const blocks = Math.ceil(raw / BLOCK);
  const idatBytes = 2 + blocks * BLOCK_HEAD_BYTES + raw + 4;
  const crcAt = IDAT_AT + idatBytes;
  const template = makeTemplate(width, height, raw, idatBytes);

  /** Copies rows, each behind a byte that says that it is not filtered, and gives their Adler-32. */
  function writeRows(pixels: Buffer, start: number, out: Buffer, to: number): number {
    let a = 1;
    let b = 0;
    let from = start;
    // Before the first block: it begins as every block does.
    let at = to - BLOCK_HEAD_BYTES;
    let room = 0;
    for (let y = 0; y < height; y++) {
      let left = width + 1;
      while (left > 0) {
        if (room === 0) {
          at += BLOCK_HEAD_BYTES;
          room = BLOCK;
        }
        let count = Math.min(left, room, ADLER_RUN);
        room -= count;
        if (left > width) {
          out[at++] = 0;
          b += a;
          count--;
          left--;
        }
        for (const end = from + count; from < end; ) {
          const value = pixels[from++] as number;
          out[at++] = value;
          a += value;
          b += a;
        }
        left -= count;
        a %= ADLER_BASE;
        b %= ADLER_BASE;
      }
    }
    return b * 65_536 + a;
  }

  return {
    bytes: template.length,
    write(pixels, from, out, at) {
      template.copy(out, at);
      const sum = writeRows(pixels, from, out, at + IDAT_AT + 2 + BLOCK_HEAD_BYTES);
      out.writeUInt32BE(sum, at + crcAt - 4);
      out.writeUInt32BE(crc32(out.subarray(at + IDAT_AT - 4, at + crcAt)), at + crcAt);
    },
  };
}

/** All that pictures of one size have in common: everything but pixels and sums. */
function makeTemplate(width: number, height: number, raw: number, idatBytes: number): Buffer {
  const blank = encodePng({ width, height, channels: 1, data: new Uint8Array(width * height) });
  const template = Buffer.alloc(IDAT_AT + idatBytes + 4 + IEND_BYTES);
  blank.copy(template, 0, 0, HEAD_BYTES);
  template.writeUInt32BE(idatBytes, HEAD_BYTES);
  template.write('IDAT', HEAD_BYTES + 4, 'latin1');
  template.writeUInt16BE(0x7801, IDAT_AT);
  let at = IDAT_AT + 2;
  for (let left = raw; left > 0; left -= BLOCK) {
    const length = Math.min(left, BLOCK);
    template[at] = left <= BLOCK ? 1 : 0;
    template.writeUInt16LE(length, at + 1);
    template.writeUInt16LE(~length & 0xffff, at + 3);
    at += BLOCK_HEAD_BYTES + length;
  }
  blank.copy(template, template.length - IEND_BYTES, blank.length - IEND_BYTES);
  return template;
}
