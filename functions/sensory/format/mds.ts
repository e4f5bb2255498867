import type { FileParts, OrderFile } from './file-parts.ts';

/** MosaicML's streaming dataset format: shards of encoded samples, and an index that names them. */

/** Columns in the order of their names, as the format wants them: the label, the picture, the sample's path. */
function columns(width: number, height: number) {
  return {
    names: ['label', 'pixels', 'sample'],
    encodings: ['int', `ndarray:uint8:${height},${width}`, 'str'],
    sizes: [8, width * height, null],
  };
}

/** What stands before a sample's pixels: the length of the one column that has no fixed one, and the label. */
const SAMPLE_HEAD_BYTES = 12;

/** One shard: number of samples, where each begins, the columns' description, the samples. */
export function mdsFile({ dataset, labels, path }: FileParts): OrderFile {
  const { width, height } = dataset;
  const size = width * height;
  const count = labels.length;
  const pixels = Buffer.allocUnsafeSlow(count * size);
  return {
    pixels,
    async finish() {
      const config = Buffer.from(JSON.stringify(shardConfig(width, height)));
      let pathBytes = 0;
      for (let i = 0; i < count; i++) pathBytes += Buffer.byteLength(path(i));
      let at = 4 * (count + 2) + config.length;
      const bytes = Buffer.allocUnsafeSlow(at + count * (SAMPLE_HEAD_BYTES + size) + pathBytes);
      bytes.writeUInt32LE(count, 0);
      config.copy(bytes, 4 * (count + 2));
      for (let i = 0; i < count; i++) {
        bytes.writeUInt32LE(at, 4 + 4 * i);
        pixels.copy(bytes, at + SAMPLE_HEAD_BYTES, i * size, (i + 1) * size);
        const pathLength = bytes.write(path(i), at + SAMPLE_HEAD_BYTES + size);
        bytes.writeUInt32LE(pathLength, at);
        bytes.writeInt32LE(labels[i] as number, at + 4);
        bytes.writeInt32LE(0, at + 8);
        at += SAMPLE_HEAD_BYTES + size + pathLength;
      }
      bytes.writeUInt32LE(at, 4 + 4 * count);
      return bytes;
    },
  };
}

/** `index.json` of the shards. */
export function mdsIndex(
  shards: readonly { readonly file: string; readonly bytes: number; readonly samples: number }[],
  width: number,
  height: number,
): object {
  return {
    version: 2,
    shards: shards.map(({ file, bytes, samples }) => ({
      ...shardConfig(width, height),
      raw_data: { basename: file, bytes, hashes: {} },
      samples,
      version: 2,
      zip_data: null,
    })),
  };
}

function shardConfig(width: number, height: number) {
  const { names, encodings, sizes } = columns(width, height);
  return {
    column_encodings: encodings,
    column_names: names,
    column_sizes: sizes,
    compression: null,
    format: 'mds',
    hashes: [],
    size_limit: null,
  };
}
