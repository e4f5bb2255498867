import { BoxError } from '#lib/error/box-error.ts';
import { fieldsOf, refused, wholeNumber } from '../fields.ts';
import { type FeedSpec, readFeedSpec } from './spec.ts';

/** Where a trainer stands in a feed. What follows depends on nothing else. */
export interface Cursor {
  /** The dataset's folder and the state of it that is drawn from. */
  readonly dataset: string;
  readonly seq: number;
  readonly spec: FeedSpec;
  readonly epoch: number;
  /** Samples of this epoch that this worker had already. */
  readonly position: number;
  /** Worker `worker` of `workers` has the positions of an epoch that leave it as the rest of a division by `workers`. */
  readonly worker: number;
  readonly workers: number;
}

const MAX_WORKERS = 10_000;

/** The cursor as text that a URL takes. */
export function writeCursor(cursor: Cursor): string {
  const { spec, ...rest } = cursor;
  const { recipe, ...described } = spec;
  return Buffer.from(JSON.stringify({ v: 1, ...rest, ...described, augment: recipe })).toString('base64url');
}

/**
 * The cursor of a text that `writeCursor` made.
 *
 * @throws BoxError `invalid_argument` for any other.
 */
export function readCursor(text: string): Cursor {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch (cause) {
    throw new BoxError('invalid_argument', 'Cannot read cursor: it must be one that this service gave', { cause });
  }
  const fields = fieldsOf(value);
  if (fields.v !== 1 || typeof fields.dataset !== 'string') {
    throw refused('cursor', 'it must be one that this service gave', text);
  }
  const workers = wholeNumber(fields, 'workers', 1, MAX_WORKERS);
  return {
    dataset: fields.dataset,
    seq: wholeNumber(fields, 'seq', 0),
    spec: readFeedSpec(fields),
    epoch: wholeNumber(fields, 'epoch', 0),
    position: wholeNumber(fields, 'position', 0),
    worker: wholeNumber(fields, 'worker', 0, workers - 1),
    workers,
  };
}

/** How many positions of an epoch of so many samples are the worker's. */
export function shareOf(samples: number, { worker, workers }: Pick<Cursor, 'worker' | 'workers'>): number {
  return Math.max(0, Math.ceil((samples - worker) / workers));
}
