import type { Catalogue } from '../catalogue/catalogue.ts';
import { labelsOf } from '../catalogue/placed.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { batchFrame, endFrame, streamHeader } from '../format/frames.ts';
import type { PixelSource } from '../pack/pixel-source.ts';
import { type Cursor, shareOf, writeCursor } from './cursor.ts';
import type { Epoch } from './epoch.ts';
import { closeGaps, numbersOf, type Run, readRun, without } from './feed.ts';
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
  let plan = batches.next();
  while (!plan.done) {
    const making = makeFrame(parts, catalogue, plan.value);
    plan = batches.next();
    yield await making;
  }
  const last = plan.value;
  yield endFrame({ cursor: writeCursor(last), ended: last.epoch >= request.endEpoch });
}

interface Planned {
  readonly run: Run;
  readonly cursor: Cursor;
  /** Where the stream stands after this batch. */
  readonly after: Cursor;
}

async function makeFrame(
  { source, streamed }: StreamParts,
  catalogue: Catalogue,
  { run, cursor, after }: Planned,
): Promise<Buffer> {
  const size = catalogue.dataset.width * catalogue.dataset.height;
  const facts = { epoch: cursor.epoch, position: cursor.position, cursor: writeCursor(after) };
  const numbers = numbersOf(run);
  const { split } = run.epoch;
  const frame = batchFrame(facts, labelsOf(split, numbers), size * run.count);
  const bad = await readRun(source, catalogue, cursor.spec, run, frame.pixels);
  streamed(run.count - bad.length);
  if (bad.length === 0) return frame.bytes;
  const left = closeGaps(frame.pixels, size, bad);
  const smaller = batchFrame(facts, labelsOf(split, without(numbers, bad)), size * left);
  frame.pixels.copy(smaller.pixels);
  return smaller.bytes;
}

/**
 * A batch never spans two epochs: the last one of an epoch has what is left.
 *
 * @returns where the stream ends: for a worker that has no sample of an epoch, behind all of them.
 */
function* planBatches({ epochOf }: StreamParts, request: StreamRequest): Generator<Planned, Cursor> {
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
      const run = { epoch, first: position * workers + worker, step: workers, count };
      yield { run, cursor, after };
      sent++;
    } else if (share === 0) return { ...cursor, epoch: endEpoch, position: 0 };
    cursor = after;
  }
  return cursor;
}
