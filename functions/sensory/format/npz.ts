import { crc32 } from 'node:zlib';
import type { FileParts, OrderFile } from './file-parts.ts';

/** The pixels alone, as an array of numpy's. */
export function npyFile({ dataset, labels }: FileParts): OrderFile {
  const head = npyHead('|u1', [labels.length, dataset.height, dataset.width]);
  const bytes = Buffer.allocUnsafeSlow(head.length + labels.length * dataset.width * dataset.height);
  head.copy(bytes);
  return { pixels: bytes.subarray(head.length), finish: async () => bytes };
}

/** Pixels, labels and names of the categories: a ZIP archive of files as they are (method 0), which numpy reads as .npz. */
export function npzFile(parts: FileParts): OrderFile {
  const { dataset, categories, labels } = parts;
  const head = npyHead('|u1', [labels.length, dataset.height, dataset.width]);
  const data = { name: 'data.npy', head, bodyBytes: labels.length * dataset.width * dataset.height };
  const small = [
    { name: 'labels.npy', bytes: npy('<i4', [labels.length], bytesOf(labels)) },
    { name: 'categories.npy', bytes: textArray(categories) },
  ];
  const dataAt = LOCAL_BYTES + data.name.length;
  const end = dataAt + head.length + data.bodyBytes;
  // What follows the pixels has a known length whatever they are; their checksum is filled in once they are there.
  const tail = (crc: number) => zipTail({ name: data.name, crc, length: head.length + data.bodyBytes }, small, end);
  const bytes = Buffer.allocUnsafeSlow(end + tail(0).length);
  head.copy(bytes, dataAt);
  return {
    pixels: bytes.subarray(dataAt + head.length, end),
    async finish() {
      const crc = crc32(bytes.subarray(dataAt, end));
      localHeader({ name: data.name, crc, length: head.length + data.bodyBytes }).copy(bytes);
      tail(crc).copy(bytes, end);
      return bytes;
    },
  };
}

/** An array as numpy's .npy version 1.0 has it. */
function npy(descr: string, shape: readonly number[], data: Uint8Array): Buffer {
  return Buffer.concat([npyHead(descr, shape), data]);
}

function npyHead(descr: string, shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Magic, version, length and header together are a multiple of 64, the header ends in a line break.
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 0, 'latin1');
  head.writeUInt16LE(length, 8);
  return Buffer.concat([head, Buffer.from(`${dict.padEnd(length - 1)}\n`, 'latin1')]);
}

/** Texts as numpy's `<U` array: UTF-32, each padded to the longest. */
function textArray(texts: readonly string[]): Buffer {
  const points = texts.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0));
  const longest = Math.max(1, ...points.map((text) => text.length));
  const data = new Uint32Array(longest * texts.length);
  points.forEach((text, i) => {
    data.set(text, i * longest);
  });
  return npy(`<U${longest}`, [texts.length], bytesOf(data));
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array | Uint32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

interface Entry {
  readonly name: string;
  readonly crc: number;
  readonly length: number;
}

/** A local header without the name that follows it. */
const LOCAL_BYTES = 30;
/** DOS time of 1980-01-01 00:00: the same samples are the same bytes whenever they are written. */
const DOS_DATE = 0x21;

/** What follows the first file of an archive: the others, the directory and its end. */
function zipTail(first: Entry, others: readonly { name: string; bytes: Buffer }[], othersAt: number): Buffer {
  const parts: Buffer[] = [];
  const directory = [directoryEntry(first, 0)];
  let at = othersAt;
  for (const { name, bytes } of others) {
    const entry = { name, crc: crc32(bytes), length: bytes.length };
    parts.push(localHeader(entry), bytes);
    directory.push(directoryEntry(entry, at));
    at += LOCAL_BYTES + name.length + bytes.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, central, end]);
}

function localHeader(entry: Entry): Buffer {
  return Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields(entry), Buffer.from(entry.name, 'latin1')]);
}

function directoryEntry(entry: Entry, at: number): Buffer {
  const place = Buffer.alloc(14);
  place.writeUInt32LE(at, 10);
  const mark = Buffer.from('PK\x01\x02\x14\x00', 'latin1');
  return Buffer.concat([mark, fields(entry), place, Buffer.from(entry.name, 'latin1')]);
}

/** What local header and directory have in common. Names are ASCII. */
function fields({ name, crc, length }: Entry): Buffer {
  const out = Buffer.alloc(26);
  out.writeUInt16LE(20, 0);
  out.writeUInt16LE(DOS_DATE, 8);
  out.writeUInt32LE(crc, 10);
  out.writeUInt32LE(length, 14);
  out.writeUInt32LE(length, 18);
  out.writeUInt16LE(name.length, 22);
  return out;
}
