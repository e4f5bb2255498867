import { crc32 } from 'node:zlib';

/** An array as numpy's .npy version 1.0 has it. */
export function npy(descr: string, shape: readonly number[], data: Uint8Array): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Magic, version, length and header together are a multiple of 64, the header ends in a line break.
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64 - 10;
  const head = Buffer.alloc(10);
  head.write('\x93NUMPY\x01\x00', 0, 'latin1');
  head.writeUInt16LE(length, 8);
  return Buffer.concat([head, Buffer.from(`${dict.padEnd(length - 1)}\n`, 'latin1'), data]);
}

export interface FileEntry {
  readonly name: string;
  readonly bytes: Buffer;
}

/** DOS time of 1980-01-01 00:00: the same samples are the same bytes whenever they are written. */
const DOS_DATE = 0x21;
const UTF8_FLAG = 0x0800;

/** A ZIP archive of files as they are (method 0, store), which numpy reads as .npz. */
export function zip(entries: readonly FileEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes } of entries) {
    const nameBytes = Buffer.from(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(UTF8_FLAG, 2);
    fields.writeUInt16LE(DOS_DATE, 8);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(bytes.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(nameBytes.length, 22);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), fields, nameBytes, bytes);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, place, nameBytes);
    at += 30 + nameBytes.length + bytes.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, central, end]);
}

const TAR_BLOCK = 512;

/** A tar archive (POSIX ustar) of plain files; WebDataset takes files of one stem, next to each other, for a sample. */
export function tar(entries: readonly FileEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const { name, bytes } of entries) {
    const head = Buffer.alloc(TAR_BLOCK);
    head.write(name, 0, 100, 'utf8');
    head.write('0000644\0', 100, 'latin1');
    head.write('0000000\0', 108, 'latin1');
    head.write('0000000\0', 116, 'latin1');
    head.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    head.write('00000000000\0', 136, 'latin1');
    head.write('        ', 148, 'latin1');
    head.write('0', 156, 'latin1');
    head.write('ustar\x0000', 257, 'latin1');
    const sum = head.reduce((total, byte) => total + byte, 0);
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    parts.push(head, bytes, Buffer.alloc(-bytes.length & (TAR_BLOCK - 1)));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * TAR_BLOCK)]);
}
