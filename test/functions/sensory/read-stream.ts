/** Reads a compact binary stream as a client does, by docs/sensory-formats.md. */
export interface ReadStream {
  readonly header: { name: string; width: number; height: number; categories: string[] };
  readonly batches: { epoch: number; position: number; cursor: string; labels: number[]; pixels: Buffer[] }[];
  readonly end: { cursor: string; ended: boolean } | undefined;
}

export function readStream(bytes: Buffer): ReadStream {
  if (bytes.subarray(0, 8).toString('latin1') !== 'TBXSTRM1') throw new Error('no stream');
  const json = (at: number, length: number) => JSON.parse(bytes.subarray(at, at + length).toString());
  const pad = (length: number) => Math.ceil(length / 8) * 8;
  const headerLength = bytes.readUInt32LE(8);
  const header = json(16, headerLength);
  const batches: ReadStream['batches'] = [];
  let at = 16 + headerLength;
  while (at < bytes.length) {
    const kind = bytes.subarray(at, at + 4).toString('latin1');
    const [count, jsonLength, labelLength] = [4, 8, 12].map((offset) => bytes.readUInt32LE(at + offset));
    const pixelLength = Number(bytes.readBigUInt64LE(at + 16));
    const facts = json(at + 24, jsonLength as number);
    at += 24 + (jsonLength as number);
    if (kind === 'ENDS') return { header, batches, end: facts };
    const labels = Array.from({ length: count as number }, (_, i) => bytes.readInt32LE(at + 4 * i));
    at += pad(labelLength as number);
    const size = pixelLength / (count as number);
    const start = at;
    const pixels = labels.map((_, i) => bytes.subarray(start + i * size, start + (i + 1) * size));
    at += pad(pixelLength);
    batches.push({ ...facts, labels, pixels });
  }
  return { header, batches, end: undefined };
}
