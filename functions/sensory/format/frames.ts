import type { DatasetName } from '../names.ts';

/** The compact binary stream; docs/sensory-formats.md has it byte by byte. */

const STREAM_MAGIC = Buffer.from('TBXSTRM1', 'latin1');
const ALIGNMENT = 8;
/** magic, number of samples, length of the JSON, length of the labels' bytes, length of the pixels' bytes. */
const FRAME_HEADER_BYTES = 24;
const BATCH = 0x48435442; // "BTCH"
const END = 0x53444e45; // "ENDS"
const NOTHING = Buffer.alloc(0);

export const STREAM_TYPE = 'application/vnd.thebox.stream';

/** The beginning of every stream: what the samples are like. */
export function streamHeader({ name, width, height }: DatasetName, categories: readonly string[]): Buffer {
  const json = padded(Buffer.from(JSON.stringify({ name, width, height, channels: 1, dtype: 'uint8', categories })));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(json.length, 0);
  return Buffer.concat([STREAM_MAGIC, length, json]);
}

/** A frame whose pixels are still to be written. */
export interface BatchFrame {
  /** All of it, between what was asked to stand before and after it. */
  readonly bytes: Buffer;
  /** Where its pixels go. */
  readonly pixels: Buffer;
}

/** One batch: JSON, labels as little-endian int32, room for so many bytes of pixels; each part padded to 8 bytes. */
export function batchFrame(
  facts: object,
  labels: Int32Array,
  pixelBytes: number,
  { before = NOTHING, after = NOTHING }: { readonly before?: Buffer; readonly after?: Buffer } = {},
): BatchFrame {
  const head = frameHead(BATCH, labels.length, facts, labels.byteLength, pixelBytes);
  const pixelsAt = before.length + head.length + aligned(labels.byteLength);
  const tailAt = pixelsAt + aligned(pixelBytes);
  const bytes = Buffer.allocUnsafeSlow(tailAt + after.length);
  before.copy(bytes);
  head.copy(bytes, before.length);
  const labelsAt = before.length + head.length;
  Buffer.from(labels.buffer, labels.byteOffset, labels.byteLength).copy(bytes, labelsAt);
  bytes.fill(0, labelsAt + labels.byteLength, pixelsAt);
  bytes.fill(0, pixelsAt + pixelBytes, tailAt);
  after.copy(bytes, tailAt);
  return { bytes, pixels: bytes.subarray(pixelsAt, pixelsAt + pixelBytes) };
}

/** The end of a stream that was not cut off. */
export function endFrame(facts: object): Buffer {
  return frameHead(END, 0, facts, 0, 0);
}

function frameHead(kind: number, count: number, facts: object, labelBytes: number, pixelBytes: number): Buffer {
  const json = padded(Buffer.from(JSON.stringify(facts)));
  const head = Buffer.alloc(FRAME_HEADER_BYTES);
  head.writeUInt32LE(kind, 0);
  head.writeUInt32LE(count, 4);
  head.writeUInt32LE(json.length, 8);
  head.writeUInt32LE(labelBytes, 12);
  head.writeBigUInt64LE(BigInt(pixelBytes), 16);
  return Buffer.concat([head, json]);
}

/** JSON is padded with spaces, which its readers skip. */
function padded(bytes: Buffer): Buffer {
  const missing = aligned(bytes.length) - bytes.length;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing, ' ')]);
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
