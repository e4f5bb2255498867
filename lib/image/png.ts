import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { BoxError, errorText } from '../error/box-error.ts';
import type { DecodeLimits, Image } from './image.ts';
import { type PixelLayout, passesOf, rowBytes, unpackRows } from './png-rows.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Bit depths that PNG allows for each colour type (PNG 3rd edition, table 8). */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** What the first chunk of a PNG says. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  readonly colourType: number;
  readonly interlaced: boolean;
}

/** Whether the bytes begin as a PNG does. */
export function isPng(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && SIGNATURE.equals(bytes.subarray(0, 8));
}

/**
 * The header of a PNG.
 *
 * @throws BoxError `unprocessable` when the bytes are no PNG or its header breaks the standard.
 */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  if (!isPng(bytes)) throw broken('it must begin with the signature of PNG');
  const view = viewOf(bytes);
  if (bytes.length < 33 || view.getUint32(8) !== 13 || chunkName(bytes, 12) !== 'IHDR') {
    throw broken('its first chunk must be a whole IHDR');
  }
  const header = { width: view.getUint32(16), height: view.getUint32(20) };
  const [depth, colourType, compression, filter, interlace] = [...bytes.subarray(24, 29)] as number[];
  if (header.width === 0 || header.height === 0) throw broken('width and height must be above 0');
  if (!DEPTHS[colourType as number]?.includes(depth as number)) {
    throw broken(`colour type and bit depth must fit each other, got ${colourType} and ${depth}`);
  }
  if (compression !== 0 || filter !== 0 || (interlace !== 0 && interlace !== 1)) {
    throw broken('compression and filter method must be 0, interlace 0 or 1');
  }
  return { ...header, depth: depth as number, colourType: colourType as number, interlaced: interlace === 1 };
}

/**
 * Decodes a PNG of any colour type, bit depth and interlace. A palette becomes RGB, transparency a channel, 16 bits a
 * sample their upper 8. Memory is bound by the header's size before anything is inflated, so a bomb costs nothing.
 *
 * @throws BoxError `unprocessable` for a file that is not whole, `too_large` above `maxPixels`.
 */
export function decodePng(bytes: Uint8Array, limits: DecodeLimits): Image {
  const header = readPngHeader(bytes);
  checkPixels(header.width, header.height, limits);
  const chunks = readChunks(bytes);
  const layout = pixelLayout(header, chunks);
  return unpackRows(inflate(chunks.data, layout), layout);
}

/**
 * @throws BoxError `too_large` when width times height is above the limit.
 */
export function checkPixels(width: number, height: number, limits: DecodeLimits): void {
  if (width * height <= limits.maxPixels) return;
  throw new BoxError(
    'too_large',
    `Cannot decode image: it may have ${limits.maxPixels} pixels at most, got ${width}x${height}`,
  );
}

interface Chunks {
  readonly data: Uint8Array;
  readonly palette: Uint8Array | undefined;
  readonly transparency: Uint8Array | undefined;
}

function readChunks(bytes: Uint8Array): Chunks {
  const view = viewOf(bytes);
  const parts: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let transparency: Uint8Array | undefined;
  let at = 8;
  for (;;) {
    if (at + 12 > bytes.length) throw broken('it must end with IEND, it is cut off');
    const length = view.getUint32(at);
    const end = at + 12 + length;
    if (end > bytes.length) throw broken('its chunks must be whole, it is cut off');
    const name = chunkName(bytes, at + 4);
    if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4))
      throw broken(`chunk ${name} must fit its CRC`);
    const content = bytes.subarray(at + 8, end - 4);
    if (name === 'IDAT') parts.push(content);
    else if (name === 'PLTE') palette = content;
    else if (name === 'tRNS') transparency = content;
    else if (name === 'IEND') break;
    else if (name !== 'IHDR' && /^[A-Z]/.test(name)) throw broken(`critical chunk ${name} is not known`);
    at = end;
  }
  if (parts.length === 0) throw broken('it must have a chunk IDAT');
  return { data: parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts), palette, transparency };
}

function pixelLayout(header: PngHeader, { palette, transparency }: Chunks): PixelLayout {
  const samples = SAMPLES[header.colourType] as number;
  if (header.colourType !== 3) {
    const key = samples === 2 || samples === 4 ? undefined : transparency;
    if (key !== undefined && key.length < samples * 2) throw broken('chunk tRNS must name one colour');
    return { ...header, samples, palette: undefined, transparency: key };
  }
  if (palette === undefined || palette.length === 0 || palette.length % 3 !== 0 || palette.length > 768) {
    throw broken('a palette picture must have a chunk PLTE of 1 to 256 colours');
  }
  return { ...header, samples, palette, transparency };
}

function inflate(data: Uint8Array, layout: PixelLayout): Uint8Array {
  const expected = passesOf(layout).reduce((sum, pass) => sum + pass.rows * (1 + rowBytes(pass.columns, layout)), 0);
  let raw: Uint8Array;
  try {
    raw = inflateSync(data, { maxOutputLength: expected });
  } catch (cause) {
    throw broken(`its pixel data must inflate to ${expected} bytes (${errorText(cause)})`, cause);
  }
  if (raw.length !== expected) throw broken(`its pixel data must inflate to ${expected} bytes, got ${raw.length}`);
  return raw;
}

/** Writes a PNG of 8 bits a sample. Rows are unfiltered: small and flat pictures gain nothing from filters. */
export function encodePng(image: Image): Buffer {
  const { width, height, channels, data } = image;
  const stride = width * channels;
  const raw = Buffer.alloc((stride + 1) * height);
  for (let y = 0; y < height; y++) raw.set(data.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = [0, 0, 4, 2, 6][channels] as number;
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(raw)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, content: Buffer): Buffer {
  const out = Buffer.alloc(content.length + 12);
  out.writeUInt32BE(content.length, 0);
  out.write(name, 4, 'latin1');
  content.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, content.length + 8)), content.length + 8);
  return out;
}

function chunkName(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function broken(rule: string, cause?: unknown): BoxError {
  return new BoxError('unprocessable', `Cannot decode PNG: ${rule}`, { cause });
}
