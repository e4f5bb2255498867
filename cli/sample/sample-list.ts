import { BoxError } from '#lib/error/box-error.ts';
import type { Gateway } from '../gateway.ts';

/** Where the function keeps samples, below the gateway. */
export const SAMPLES = '/function/sensory/api/sensory/sample';

/** A sample as the function lists it. */
export interface ListedSample {
  /** SHA-256 of its bytes; empty while nobody has read what another tool copied in. */
  readonly id: string;
  /** Category and file name. */
  readonly path: string;
  readonly category: string;
  readonly size: number;
  readonly stored_at: string;
  readonly source?: string;
}

export interface SamplePage {
  readonly total: number;
  readonly samples: readonly ListedSample[];
  /** The path to go on after; undefined on the last page. */
  readonly next?: string;
}

/** Which samples are meant. */
export interface Filter {
  readonly dataset?: string;
  readonly category?: string;
  readonly source?: string;
  readonly group?: string;
  readonly prediction?: string;
  readonly modelVersion?: string;
  readonly correlationId?: string;
}

export const FILTERS = [
  { flag: '--category <name>', says: 'of one category' },
  { flag: '--source <name>', says: 'from one source' },
  { flag: '--group <name>', says: 'of one group' },
  { flag: '--prediction <text>', says: 'that a model took for this' },
  { flag: '--model-version <name>', says: 'labelled by one model' },
  { flag: '--correlation-id <id>', says: 'that one signal became' },
] as const;

/** A query of what is given. */
export function queryOf(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(parameters).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** One page of samples. */
export async function listSamples(
  gateway: Gateway,
  filter: Filter,
  limit: number,
  after?: string,
): Promise<SamplePage> {
  const { dataset, category, source, group, prediction, modelVersion, correlationId } = filter;
  const facts = { source, group, prediction, model_version: modelVersion, correlation_id: correlationId };
  const { body } = await gateway.call({
    method: 'GET',
    path: SAMPLES + queryOf({ dataset, category, ...facts, limit, after }),
  });
  return parsePage(body);
}

function parsePage(body: unknown): SamplePage {
  if (isObject(body) && typeof body.total === 'number' && Array.isArray(body.samples)) {
    const samples = body.samples.map(parseSample);
    return { total: body.total, samples, ...(typeof body.next === 'string' && { next: body.next }) };
  }
  throw new BoxError('internal', 'Cannot read the list of samples: the answer has another form');
}

/** The sample of an answer, with all that it holds. */
function parseSample(value: unknown): ListedSample {
  if (isObject(value)) {
    const { id, path, category, size, stored_at: stored, source } = value;
    const texts = [id, path, category, stored].every((text) => typeof text === 'string');
    if (texts && typeof size === 'number' && (source === undefined || typeof source === 'string')) {
      return value as unknown as ListedSample;
    }
  }
  throw new BoxError('internal', 'Cannot read a sample: the answer has another form');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
