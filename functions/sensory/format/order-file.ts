import { arrowFile } from './arrow-file.ts';
import type { FileParts, OrderFile } from './file-parts.ts';
import { batchFrame, endFrame, streamHeader } from './frames.ts';
import { mdsFile } from './mds.ts';
import { npyFile, npzFile } from './npz.ts';
import { tarFile } from './webdataset.ts';

/** What an order may be asked for as. */
export const FORMATS = ['npz', 'npy', 'arrow', 'webdataset', 'mds', 'stream'] as const;
export type OrderFormat = (typeof FORMATS)[number];

interface Format {
  readonly type: string;
  readonly ending: string;
  /** Makes room for a file of so many samples. */
  readonly layOut: (parts: FileParts) => OrderFile;
}

/** Media type, ending and making of a file of each format. */
export const FILE_OF: Readonly<Record<OrderFormat, Format>> = {
  npz: { type: 'application/zip', ending: 'npz', layOut: npzFile },
  npy: { type: 'application/octet-stream', ending: 'npy', layOut: npyFile },
  arrow: { type: 'application/vnd.apache.arrow.file', ending: 'arrow', layOut: arrowFile },
  webdataset: { type: 'application/x-tar', ending: 'tar', layOut: tarFile },
  mds: { type: 'application/octet-stream', ending: 'mds', layOut: mdsFile },
  stream: { type: 'application/vnd.thebox.stream', ending: 'tbx', layOut: streamFile },
};

/** The name of an order's file: numbered, so that readers which take a pattern find all. */
export function fileName(format: OrderFormat, number: number): string {
  return `shard.${String(number).padStart(5, '0')}.${FILE_OF[format].ending}`;
}

function streamFile({ dataset, categories, labels, positions }: FileParts): OrderFile {
  const size = dataset.width * dataset.height;
  const before = streamHeader(dataset, categories);
  const facts = { position: positions[0] ?? 0 };
  const { bytes, pixels } = batchFrame(facts, labels, size * labels.length, {
    before,
    after: endFrame({ ended: true }),
  });
  return { pixels, finish: async () => bytes };
}
