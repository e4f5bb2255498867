/** MosaicML's streaming dataset format: shards of encoded samples, and an index that names them. */

/** Columns in the order of their names, as the format wants them: the label, the picture, the sample's path. */
function columns(width: number, height: number) {
  return {
    names: ['label', 'pixels', 'sample'],
    encodings: ['int', `ndarray:uint8:${height},${width}`, 'str'],
    sizes: [8, width * height, null],
  };
}

export interface MdsSample {
  readonly label: number;
  readonly pixels: Uint8Array;
  readonly path: string;
}

/** One shard: number of samples, where each begins, the columns' description, the samples. */
export function mdsShard(samples: readonly MdsSample[], width: number, height: number): Buffer {
  const config = Buffer.from(JSON.stringify(shardConfig(width, height)));
  const encoded = samples.map(encodeSample);
  const head = Buffer.alloc(4 + 4 * (samples.length + 1));
  head.writeUInt32LE(samples.length, 0);
  let at = head.length + config.length;
  encoded.forEach((bytes, i) => {
    head.writeUInt32LE(at, 4 + 4 * i);
    at += bytes.length;
  });
  head.writeUInt32LE(at, 4 + 4 * samples.length);
  return Buffer.concat([head, config, ...encoded]);
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

/** The length of each column that has no fixed one, then the columns. */
function encodeSample({ label, pixels, path }: MdsSample): Buffer {
  const text = Buffer.from(path);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(text.length, 0);
  head.writeBigInt64LE(BigInt(label), 4);
  return Buffer.concat([head, pixels, text]);
}
