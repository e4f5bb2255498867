import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { batchFrame, endFrame, streamHeader } from '../format/frames.ts';
import type { PixelSource } from '../pack/pixel-source.ts';
import { type Cursor, shareOf, writeCursor } from './cursor.ts';
import type { Epoch } from './epoch.ts';
import { readPositions } from './feed.ts';
import type { FeedSpec } from './spec.ts';

export interface StreamParts {
  readonly source: PixelSource;
  readonly epochOf: (snapshot: Snapshot, folder: string, spec: FeedSpec, epoch: number) => Epoch;
  readonly streamed: (samples: number) => void;
}

export interface StreamRequest {
  readonly catalogue: Catalogue;
  readonly snapshot: Snapshot;
  readonly from: Cursor;
  readonly batchSize: number;
  /** The most batches that are sent (at least 1). */
  readonly batches: number;
  /** The epoch at which the feed ends. */
  readonly endEpoch: number;
}

/**
 * The bytes of a stream, frame by frame; the next batch is read while the one before is sent. Each frame holds the cursor
 * of what follows it.
 */
export async function* streamFrames(parts: StreamParts, request: StreamRequest): AsyncGenerator<Buffer> {
  const { catalogue, snapshot } = request;
  const categories = snapshot.categories();
  yield streamHeader(catalogue.dataset, [...categories.keys()]);
  const batches = planBatches(parts, request);
  let next = batches.next();
  let last = request.from;
  for (let plan = next; !plan.done; plan = next) {
    const { epoch, positions, after, cursor } = plan.value;
    const reading = readPositions(parts.source, catalogue, snapshot, epoch, cursor.spec, positions);
    next = batches.next();
    const { samples, pixels } = await reading;
    parts.streamed(samples.length);
    const labels = samples.map(({ category }) => categories.get(category) ?? 0);
    yield* batchFrame({ epoch: cursor.epoch, position: cursor.position, cursor: writeCursor(after) }, labels, pixels);
    last = after;
  }
  yield endFrame({ cursor: writeCursor(last), ended: last.epoch >= request.endEpoch });
}

interface Planned {
  readonly epoch: Epoch;
  readonly positions: readonly number[];
  readonly cursor: Cursor;
  /** Where the stream stands after this batch. */
  readonly after: Cursor;
}

/** A batch never spans two epochs: the last one of an epoch has what is left. */
function* planBatches({ epochOf }: StreamParts, request: StreamRequest): Generator<Planned> {
  const { snapshot, batchSize, batches, endEpoch } = request;
  let cursor = request.from;
  for (let sent = 0; sent < batches && cursor.epoch < endEpoch; ) {
    const { worker, workers, position } = cursor;
    const epoch = epochOf(snapshot, cursor.dataset, cursor.spec, cursor.epoch);
    const share = shareOf(epoch.order.length, cursor);
    const count = Math.min(batchSize, share - position);
    const ends = position + count >= share;
    const after = ends
      ? { ...cursor, epoch: cursor.epoch + 1, position: 0 }
      : { ...cursor, position: position + count };
    if (count > 0) {
      const positions = Array.from({ length: count }, (_, i) => (position + i) * workers + worker);
      yield { epoch, positions, cursor, after };
      sent++;
    } else if (share === 0) return;
    cursor = after;
  }
}
