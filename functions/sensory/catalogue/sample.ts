import { BoxError } from '#lib/error/box-error.ts';

/** One labelled sample: an object of the bucket and what is known of it without reading it. */
export interface Sample {
  /** Category and file below `<dataset>/data/`: `<category>/<file>`. Unique among the samples that there are. */
  readonly path: string;
  readonly category: string;
  readonly size: number;
  readonly etag: string;
  readonly modifiedMs: number;
  /** SHA-256 of the bytes in hex; empty while nobody has read them. */
  readonly id: string;
  /** Source, group, prediction and the like; undefined when there is none. */
  readonly facts?: SampleFacts;
}

/** What a sample may carry beside its label. Every member is text, as S3 keeps it. */
export interface SampleFacts {
  readonly source?: string;
  /** Samples of one group never stand on both sides of a split. */
  readonly group?: string;
  readonly prediction?: string;
  readonly model_version?: string;
  readonly correlation_id?: string;
  /** A difference hash of the picture, 64 bits in hex: near-duplicates differ in few of them. */
  readonly dhash?: string;
}

const FACTS = ['source', 'group', 'prediction', 'model_version', 'correlation_id', 'dhash'] as const;

/** The category of samples that nobody has labelled yet: they are listed, and never drawn. */
export const INBOX = 'unlabelled';

const IMAGE = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

/** Whether the sample is a picture by its name, as old dataset folders tell. */
export function isImage(sample: Sample): boolean {
  return IMAGE.test(sample.path);
}

/** Compares text by code points, as Python sorts it. */
export function byCodePoint(a: string, b: string): number {
  return a < b === a > b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Category and file of a key below `<dataset>/data/`; undefined when the key is no sample. */
export function splitPath(path: string): { category: string; file: string } | undefined {
  const slash = path.indexOf('/');
  const file = path.slice(slash + 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (slash <= 0 || file === '' || file.includes('/') || /[\0-\x1f]/.test(path)) return undefined;
  return { category: path.slice(0, slash), file };
}

/** The id in a file name of ours, `<timestamp>_<sha256>.<ext>`; empty for another's. */
export function idInName(path: string): string {
  return /_([0-9a-f]{64})\.[a-z0-9]+$/.exec(path)?.[1] ?? '';
}

/**
 * The facts of a sample as a caller gives them; undefined when there are none.
 *
 * @throws BoxError `invalid_argument` for what is no fact.
 */
export function readFacts(given: Readonly<Record<string, unknown>>): SampleFacts | undefined {
  for (const name of FACTS) {
    const value = factIn(given, name);
    if (value === undefined || isFact(value)) continue;
    throw new BoxError('invalid_argument', `Cannot take ${name}: it must be text of at most 500 characters`);
  }
  const facts = storedFacts(given);
  const room = Object.entries(facts ?? {}).reduce((sum, [name, value]) => sum + factBytes(name, value), 0);
  if (room <= MAX_FACTS_BYTES) return facts;
  throw new BoxError(
    'invalid_argument',
    `Cannot take ${Object.keys(facts ?? {}).join(', ')}: an object store takes ${MAX_FACTS_BYTES} bytes, percent-encoded, got ${room}`,
  );
}

/** S3 takes 2 KiB of metadata an object. */
const MAX_FACTS_BYTES = 2048;

function factBytes(name: string, value: string): number {
  return 'x-amz-meta-'.length + name.length + encodeURIComponent(value).length;
}

/** What of S3's metadata are facts of a sample; another tool may have put anything there. Undefined when there are none. */
export function storedFacts(metadata: Readonly<Record<string, unknown>>): SampleFacts | undefined {
  const found: Record<string, string> = {};
  for (const name of FACTS) {
    const value = factIn(metadata, name);
    if (isFact(value) && value !== '') found[name] = value;
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

function factIn(values: Readonly<Record<string, unknown>>, name: string): unknown {
  return values[name] ?? values[name.replaceAll('_', '-')];
}

function isFact(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 500 && value.isWellFormed();
}
