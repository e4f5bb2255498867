import { BoxError } from '../error/box-error.ts';
import type { Image } from './image.ts';

/** The seven passes of Adam7: first column and row, distance between columns and rows. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** How a PNG's inflated bytes are to be read. */
export interface PixelLayout {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly interlaced: boolean;
  /** Samples of a pixel as stored: 1 for a palette. */
  readonly samples: number;
  readonly palette: Uint8Array | undefined;
  /** Chunk tRNS: alpha by palette index, or the one colour that is transparent as 16-bit samples. */
  readonly transparency: Uint8Array | undefined;
}

/** One rectangle of rows: the whole picture, or a pass of an interlaced one. */
interface Pass {
  readonly columns: number;
  readonly rows: number;
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

/** The rectangles of rows, in the order in which they are stored. */
export function passesOf({ width, height, interlaced }: PixelLayout): Pass[] {
  if (!interlaced) return [{ columns: width, rows: height, x: 0, y: 0, dx: 1, dy: 1 }];
  return ADAM7.map(([x, y, dx, dy]) => ({
    columns: Math.max(0, Math.ceil((width - x) / dx)),
    rows: Math.max(0, Math.ceil((height - y) / dy)),
    x,
    y,
    dx,
    dy,
  })).filter((pass) => pass.columns > 0 && pass.rows > 0);
}

/** Bytes of one stored row, without the byte that names its filter. */
export function rowBytes(columns: number, layout: PixelLayout): number {
  return Math.ceil((columns * layout.samples * layout.depth) / 8);
}

/**
 * Undoes the row filters and turns the samples into 8-bit channels. `raw` has exactly the bytes of the layout.
 *
 * @throws BoxError `unprocessable` for an unknown filter or a palette index that the palette lacks.
 */
export function unpackRows(raw: Uint8Array, layout: PixelLayout): Image {
  const channels = channelsOf(layout);
  const { width, height } = layout;
  const data = new Uint8Array(width * height * channels);
  const back = Math.max(1, (layout.samples * layout.depth) >> 3);
  let at = 0;
  for (const pass of passesOf(layout)) {
    const stride = rowBytes(pass.columns, layout);
    let previous: number | undefined;
    for (let row = 0; row < pass.rows; row++) {
      const start = at + 1;
      unfilter(raw, start, stride, back, previous, raw[at] as number);
      const target = ((pass.y + row * pass.dy) * width + pass.x) * channels;
      writeRow(raw, start, pass.columns, layout, data, target, pass.dx * channels);
      previous = start;
      at = start + stride;
    }
  }
  return { width, height, channels, data };
}

function channelsOf({ samples, palette, transparency }: PixelLayout): Image['channels'] {
  const opaque = palette ? 3 : samples;
  return (transparency === undefined ? opaque : opaque + 1) as Image['channels'];
}

function unfilter(
  raw: Uint8Array,
  start: number,
  stride: number,
  back: number,
  previous: number | undefined,
  filter: number,
): void {
  const end = start + stride;
  const up = previous === undefined ? undefined : previous - start;
  if (filter === 0) return;
  if (filter === 1) {
    for (let i = start + back; i < end; i++) raw[i] = (raw[i] as number) + (raw[i - back] as number);
  } else if (filter === 2) {
    if (up !== undefined) for (let i = start; i < end; i++) raw[i] = (raw[i] as number) + (raw[i + up] as number);
  } else if (filter === 3) {
    for (let i = start; i < end; i++) {
      const left = i < start + back ? 0 : (raw[i - back] as number);
      const above = up === undefined ? 0 : (raw[i + up] as number);
      raw[i] = (raw[i] as number) + ((left + above) >> 1);
    }
  } else if (filter === 4) {
    paeth(raw, start, end, back, up);
  } else {
    throw broken(`a row's filter must be 0 to 4, got ${filter}`);
  }
}

function paeth(raw: Uint8Array, start: number, end: number, back: number, up: number | undefined): void {
  for (let i = start; i < end; i++) {
    const inside = i >= start + back;
    const left = inside ? (raw[i - back] as number) : 0;
    const above = up === undefined ? 0 : (raw[i + up] as number);
    const corner = inside && up !== undefined ? (raw[i + up - back] as number) : 0;
    const toLeft = Math.abs(above - corner);
    const toAbove = Math.abs(left - corner);
    const toCorner = Math.abs(left + above - 2 * corner);
    const nearest = toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
    raw[i] = (raw[i] as number) + nearest;
  }
}

function writeRow(
  raw: Uint8Array,
  start: number,
  columns: number,
  layout: PixelLayout,
  data: Uint8Array,
  target: number,
  step: number,
): void {
  const { depth, samples, palette, transparency } = layout;
  if (depth === 8 && !palette && !transparency && step === samples) {
    data.set(raw.subarray(start, start + columns * samples), target);
    return;
  }
  const highest = (1 << Math.min(depth, 8)) - 1;
  for (let column = 0; column < columns; column++) {
    const to = target + column * step;
    if (palette) {
      writePaletteColour(sampleAt(raw, start, column, depth), palette, transparency, data, to);
      continue;
    }
    for (let k = 0; k < samples; k++) {
      const value = sampleAt(raw, start, column * samples + k, depth);
      data[to + k] = depth === 16 ? value >> 8 : depth === 8 ? value : Math.round((value * 255) / highest);
    }
    if (transparency) {
      data[to + samples] = isKey(raw, start, column, layout, transparency) ? 0 : 255;
    }
  }
}

function sampleAt(raw: Uint8Array, start: number, index: number, depth: number): number {
  if (depth === 8) return raw[start + index] as number;
  if (depth === 16) return ((raw[start + 2 * index] as number) << 8) | (raw[start + 2 * index + 1] as number);
  const bit = index * depth;
  const byte = raw[start + (bit >> 3)] as number;
  return (byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

function writePaletteColour(
  index: number,
  palette: Uint8Array,
  transparency: Uint8Array | undefined,
  data: Uint8Array,
  to: number,
): void {
  if (index * 3 >= palette.length)
    throw broken(`a pixel must be in the palette of ${palette.length / 3}, got ${index}`);
  data[to] = palette[index * 3] as number;
  data[to + 1] = palette[index * 3 + 1] as number;
  data[to + 2] = palette[index * 3 + 2] as number;
  if (transparency) data[to + 3] = transparency[index] ?? 255;
}

/** Whether a pixel has the one transparent colour; all 16 bits are compared where there are 16. */
function isKey(raw: Uint8Array, start: number, column: number, layout: PixelLayout, key: Uint8Array): boolean {
  for (let k = 0; k < layout.samples; k++) {
    const wanted = ((key[2 * k] as number) << 8) | (key[2 * k + 1] as number);
    if (sampleAt(raw, start, column * layout.samples + k, layout.depth) !== wanted) return false;
  }
  return true;
}

function broken(rule: string): BoxError {
  return new BoxError('unprocessable', `Cannot decode PNG: ${rule}`);
}
