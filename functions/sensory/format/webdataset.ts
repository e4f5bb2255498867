import { openStoredPng } from '#lib/image/png-stored.ts';
import type { FileParts, OrderFile } from './file-parts.ts';

const BLOCK = 512;
/** Digits of a sample's name, so that names in order are positions in order. */
const DIGITS = 9;
const CHECKSUM_AT = 148;

/**
 * A tar archive (POSIX ustar): of each sample its picture and its class, next to each other and of one stem, which
 * WebDataset takes for a sample.
 */
export function tarFile({ dataset, labels, positions }: FileParts): OrderFile {
  const { width, height } = dataset;
  const size = width * height;
  const pixels = Buffer.allocUnsafeSlow(labels.length * size);
  return {
    pixels,
    async finish() {
      const png = openStoredPng(width, height);
      const pngEntry = openEntry('png', png.bytes);
      const classes = new Map([...new Set(labels)].map((label) => [label, openClass(label)]));
      const sampleBytes = pngEntry.bytes + 2 * BLOCK;
      // Zeros: the rest of each block, and the two blocks that end an archive.
      const bytes = Buffer.alloc(labels.length * sampleBytes + 2 * BLOCK);
      for (let i = 0; i < labels.length; i++) {
        const at = i * sampleBytes;
        const stem = String(positions[i]).padStart(DIGITS, '0');
        pngEntry.write(stem, bytes, at);
        png.write(pixels, i * size, bytes, at + BLOCK);
        classes.get(labels[i] as number)?.(stem, bytes, at + pngEntry.bytes);
      }
      return bytes;
    },
  };
}

/** Writes the entry of a class: its index as text. */
function openClass(label: number): (stem: string, out: Buffer, at: number) => void {
  const text = String(label);
  const entry = openEntry('cls', text.length);
  return (stem, out, at) => {
    entry.write(stem, out, at);
    out.write(text, at + BLOCK, 'latin1');
  };
}

interface Entry {
  /** With its header, in whole blocks. */
  readonly bytes: number;
  /** Writes the header. */
  write(stem: string, out: Buffer, at: number): void;
}

/** Headers of files of one length differ in their names alone, and in the sum of their bytes. */
function openEntry(ending: string, length: number): Entry {
  const head = Buffer.alloc(BLOCK);
  head.write(`${'0'.repeat(DIGITS)}.${ending}`, 0, 'latin1');
  head.write('0000644\0', 100, 'latin1');
  head.write('0000000\0', 108, 'latin1');
  head.write('0000000\0', 116, 'latin1');
  head.write(`${length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  head.write('00000000000\0', 136, 'latin1');
  head.write('        ', CHECKSUM_AT, 'latin1');
  head.write('0', 156, 'latin1');
  head.write('ustar\x0000', 257, 'latin1');
  const base = head.reduce((total, byte) => total + byte, 0);
  return {
    bytes: BLOCK + Math.ceil(length / BLOCK) * BLOCK,
    write(stem, out, at) {
      head.copy(out, at);
      out.write(stem, at, 'latin1');
      let sum = base;
      for (let i = 0; i < DIGITS; i++) sum += stem.charCodeAt(i) - 0x30;
      out.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + CHECKSUM_AT, 'latin1');
    },
  };
}
