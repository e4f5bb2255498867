import { encodePng } from '#lib/image/png.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import type { FeedBatch } from '../feed/feed.ts';
import type { DatasetName } from '../names.ts';
import { arrowFile } from './arrow-file.ts';
import { batchFrame, endFrame, streamHeader } from './frames.ts';
import { mdsShard } from './mds.ts';
import { npy, tar, zip } from './tensor-files.ts';

/** What an order may be asked for as. */
export const FORMATS = ['npz', 'npy', 'arrow', 'webdataset', 'mds', 'stream'] as const;
export type OrderFormat = (typeof FORMATS)[number];

/** Media type and ending of a file of each format. */
export const FILE_OF: Readonly<Record<OrderFormat, { readonly type: string; readonly ending: string }>> = {
  npz: { type: 'application/zip', ending: 'npz' },
  npy: { type: 'application/octet-stream', ending: 'npy' },
  arrow: { type: 'application/vnd.apache.arrow.file', ending: 'arrow' },
  webdataset: { type: 'application/x-tar', ending: 'tar' },
  mds: { type: 'application/octet-stream', ending: 'mds' },
  stream: { type: 'application/vnd.thebox.stream', ending: 'tbx' },
};

/** The name of an order's file: numbered, so that readers which take a pattern find all. */
export function fileName(format: OrderFormat, number: number): string {
  return `shard.${String(number).padStart(5, '0')}.${FILE_OF[format].ending}`;
}

/** Samples as one file. `first` is the position of the first of them in the order. */
export async function orderFile(
  format: OrderFormat,
  dataset: DatasetName,
  snapshot: Snapshot,
  { samples, pixels }: FeedBatch,
  first: number,
): Promise<Buffer> {
  const { width, height } = dataset;
  const categories = [...snapshot.categories().keys()];
  const map = snapshot.categories();
  const labels = samples.map(({ category }) => map.get(category) ?? 0);
  const size = width * height;
  const at = (i: number) => pixels.subarray(i * size, (i + 1) * size);
  switch (format) {
    case 'npy':
      return npy('|u1', [samples.length, height, width], pixels);
    case 'npz':
      return zip([
        { name: 'data.npy', bytes: npy('|u1', [samples.length, height, width], pixels) },
        { name: 'labels.npy', bytes: npy('<i4', [samples.length], Buffer.from(Int32Array.from(labels).buffer)) },
        { name: 'categories.npy', bytes: textArray(categories) },
      ]);
    case 'arrow':
      return arrowFile(
        labels,
        pixels,
        samples.map(({ path }) => path),
        { width, height, categories },
      );
    case 'webdataset':
      return tar(
        samples.flatMap((_, i) => {
          const stem = String(first + i).padStart(9, '0');
          const png = encodePng({ width, height, channels: 1, data: at(i) }, 'stored');
          return [
            { name: `${stem}.png`, bytes: png },
            { name: `${stem}.cls`, bytes: Buffer.from(String(labels[i])) },
          ];
        }),
      );
    case 'mds':
      return mdsShard(
        samples.map(({ path }, i) => ({ label: labels[i] as number, pixels: at(i), path })),
        width,
        height,
      );
    case 'stream':
      return Buffer.concat([
        streamHeader(dataset, categories),
        ...batchFrame({ position: first }, labels, pixels),
        endFrame({ ended: true }),
      ]);
  }
}

/** Texts as numpy's `<U` array: UTF-32, each padded to the longest. */
function textArray(texts: readonly string[]): Buffer {
  const points = texts.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0));
  const longest = Math.max(1, ...points.map((text) => text.length));
  const data = new Uint32Array(longest * texts.length);
  points.forEach((text, i) => {
    data.set(text, i * longest);
  });
  return npy(`<U${longest}`, [texts.length], Buffer.from(data.buffer));
}
