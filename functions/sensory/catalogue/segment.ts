import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { BoxError } from '#lib/error/box-error.ts';
import type { Sample } from './sample.ts';

/**
 * A piece of a dataset's catalogue: what went away, then what came. Replaying a dataset's segments in their order gives
 * its samples in an order that never changes for one snapshot. The format is in docs/sensory-formats.md.
 */
export interface Segment {
  /** Paths that are no longer there (or whose content changed: then they are added again). */
  readonly removed: readonly string[];
  readonly added: readonly Sample[];
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const MAGIC = Buffer.from('TBXCAT01', 'latin1');
const SECTIONS = 9;
const MAX_BYTES = 512 * 1024 * 1024;

/** The segment as bytes: column after column, compressed as a whole. */
export async function encodeSegment(segment: Segment): Promise<Buffer> {
  const { removed, added } = segment;
  const categories = [...new Set(added.map(({ category }) => category))];
  const numberOf = new Map(categories.map((category, number) => [category, number]));
  const sections = [
    lines(removed),
    lines(categories),
    column(Uint32Array, added, ({ category }) => numberOf.get(category) ?? 0),
    lines(added.map(({ path, category }) => path.slice(category.length + 1))),
    column(Float64Array, added, ({ size }) => size),
    column(Float64Array, added, ({ modifiedMs }) => modifiedMs),
    lines(added.map(({ etag }) => etag)),
    lines(added.map(({ id }) => id)),
    lines(added.map(({ facts }) => (facts === undefined ? '' : JSON.stringify(facts)))),
  ];
  const header = Buffer.alloc(8 + 4 * SECTIONS);
  header.writeUInt32LE(removed.length, 0);
  header.writeUInt32LE(added.length, 4);
  sections.forEach((section, i) => {
    header.writeUInt32LE(section.length, 8 + 4 * i);
  });
  return Buffer.concat([MAGIC, await compress(Buffer.concat([header, ...sections]))]);
}

/**
 * The segment of bytes that `encodeSegment` made.
 *
 * @throws BoxError `internal` when they are anything else.
 */
export async function decodeSegment(bytes: Buffer): Promise<Segment> {
  if (!MAGIC.equals(bytes.subarray(0, 8))) throw broken('it must begin with TBXCAT01');
  const raw = await decompress(bytes.subarray(8), { maxOutputLength: MAX_BYTES });
  const [removedCount, count] = [raw.readUInt32LE(0), raw.readUInt32LE(4)];
  let at = 8 + 4 * SECTIONS;
  const sections = Array.from({ length: SECTIONS }, (_, i) => {
    const length = raw.readUInt32LE(8 + 4 * i);
    at += length;
    return raw.subarray(at - length, at);
  });
  if (at !== raw.length) throw broken(`its sections must fill it, got ${raw.length - at} bytes more`);
  const [removed, names, numbers, files, sizes, times, etags, ids, facts] = sections as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const categories = texts(names);
  const [file, etag, id, fact] = [texts(files, count), texts(etags, count), texts(ids, count), texts(facts, count)];
  const added = Array.from({ length: count }, (_, i): Sample => {
    const category = categories[numbers.readUInt32LE(4 * i)] as string;
    return {
      path: `${category}/${file[i]}`,
      category,
      size: sizes.readDoubleLE(8 * i),
      modifiedMs: times.readDoubleLE(8 * i),
      etag: etag[i] as string,
      id: id[i] as string,
      ...(fact[i] !== '' && { facts: JSON.parse(fact[i] as string) }),
    };
  });
  return { removed: texts(removed, removedCount), added };
}

/** Segments that follow each other as one: replaying it gives what replaying them one by one gives. */
export function mergeSegments(segments: readonly Segment[]): Segment {
  const removed = new Set<string>();
  const added = new Map<string, Sample>();
  for (const segment of segments) {
    for (const path of segment.removed) {
      removed.add(path);
      added.delete(path);
    }
    for (const sample of segment.added) {
      added.delete(sample.path);
      added.set(sample.path, sample);
    }
  }
  return { removed: [...removed], added: [...added.values()] };
}

/** Texts hold no line break: whoever makes a path checks that. */
function lines(texts: readonly string[]): Buffer {
  return Buffer.from(texts.join('\n'));
}

function texts(section: Buffer, count = 1): string[] {
  if (count === 0) return [];
  return section.toString('utf8').split('\n');
}

function column<T>(
  type: typeof Uint32Array | typeof Float64Array,
  rows: readonly T[],
  value: (row: T) => number,
): Buffer {
  const values = new type(rows.length);
  rows.forEach((row, i) => {
    values[i] = value(row);
  });
  return Buffer.from(values.buffer);
}

function broken(rule: string): BoxError {
  return new BoxError('internal', `Cannot read a segment of the catalogue: ${rule}`);
}
