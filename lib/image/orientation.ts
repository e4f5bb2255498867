import type { Image } from './image.ts';

/** How a camera was held (EXIF tag 274): 1 upright, 3 upside down, 6 and 8 on its sides, the even ones mirrored besides. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** The orientation that a JPEG, PNG, WebP or TIFF says in its EXIF data; 1 where it says none. */
export function orientationOf(file: Uint8Array): Orientation {
  const exif = findExif(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  return exif === undefined ? 1 : readOrientation(exif);
}

function findExif(file: Buffer): Buffer | undefined {
  const head = file.toString('latin1', 0, 12);
  if (head.startsWith('\xff\xd8')) return jpegExif(file);
  if (head.startsWith('\x89PNG')) return chunkExif(file, { start: 8, name: 'eXIf', order: 'big' });
  if (head.startsWith('RIFF') && head.endsWith('WEBP'))
    return chunkExif(file, { start: 12, name: 'EXIF', order: 'little' });
  return head.startsWith('II*\0') || head.startsWith('MM\0*') ? file : undefined;
}

/** The segment APP1 with EXIF, before the picture's data. */
function jpegExif(file: Buffer): Buffer | undefined {
  for (let at = 2; at + 4 <= file.length && file[at] === 0xff; ) {
    const marker = file[at + 1] as number;
    if (marker === 0xda) return undefined;
    const size = file.readUInt16BE(at + 2);
    const body = file.subarray(at + 4, at + 2 + size);
    if (marker === 0xe1 && body.toString('latin1', 0, 6) === 'Exif\0\0') return body.subarray(6);
    at += 2 + size;
  }
  return undefined;
}

interface Chunks {
  readonly start: number;
  readonly name: string;
  readonly order: 'big' | 'little';
}

/** A chunk of PNG (length, name, body, check sum) or of WebP (name, length, body, padded to even). */
function chunkExif(file: Buffer, { start, name, order }: Chunks): Buffer | undefined {
  for (let at = start; at + 8 <= file.length; ) {
    const size = order === 'big' ? file.readUInt32BE(at) : file.readUInt32LE(at + 4);
    const found = file.toString('latin1', order === 'big' ? at + 4 : at, order === 'big' ? at + 8 : at + 4);
    if (found === name) return withoutMark(file.subarray(at + 8, at + 8 + size));
    at += order === 'big' ? size + 12 : 8 + size + (size & 1);
  }
  return undefined;
}

/** Some writers of WebP put JPEG's mark in front. */
function withoutMark(exif: Buffer): Buffer {
  return exif.toString('latin1', 0, 6) === 'Exif\0\0' ? exif.subarray(6) : exif;
}

const TAG = 274;

/** The tag in the first directory of EXIF's TIFF structure. */
function readOrientation(exif: Buffer): Orientation {
  if (exif.length < 10) return 1;
  const little = exif.toString('latin1', 0, 2) === 'II';
  const short = (at: number) => (little ? exif.readUInt16LE(at) : exif.readUInt16BE(at));
  const directory = little ? exif.readUInt32LE(4) : exif.readUInt32BE(4);
  if (directory + 2 > exif.length) return 1;
  const entries = short(directory);
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + i * 12;
    if (at + 12 > exif.length) return 1;
    if (short(at) !== TAG) continue;
    const value = short(at + 8);
    return value >= 1 && value <= 8 ? (value as Orientation) : 1;
  }
  return 1;
}

/** The picture upright. */
export function upright(image: Image, orientation: Orientation): Image {
  if (orientation === 1) return image;
  const turned = orientation >= 5;
  const [width, height] = turned ? [image.height, image.width] : [image.width, image.height];
  const { channels, data } = image;
  const out = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = sourceOf(x, y, image, orientation) * channels;
      for (let c = 0; c < channels; c++) out[to++] = data[from + c] as number;
    }
  }
  return { width, height, channels, data: out };
}

/** The pixel of the stored picture that stands at x, y of the upright one. */
function sourceOf(x: number, y: number, { width, height }: Image, orientation: Orientation): number {
  const [right, bottom] = [width - 1, height - 1];
  switch (orientation) {
    case 2:
      return y * width + right - x;
    case 3:
      return (bottom - y) * width + right - x;
    case 4:
      return (bottom - y) * width + x;
    case 5:
      return x * width + y;
    case 6:
      return (bottom - x) * width + y;
    case 7:
      return (bottom - x) * width + right - y;
    case 8:
      return x * width + right - y;
    default:
      return y * width + x;
  }
}
