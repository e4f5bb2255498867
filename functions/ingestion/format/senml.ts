import { isRecord } from '#lib/json/json-object.ts';

/** A resolved record of SenML (RFC 8428, section 4.6): no base fields, an absolute time. */
export interface SenmlRecord {
  readonly n: string;
  /** Seconds since 1970. */
  readonly t: number;
  readonly u?: string;
  readonly v?: number;
  readonly vs?: string;
  readonly vb?: boolean;
  /** Decoded. */
  readonly vd?: Uint8Array;
  /** Sum. */
  readonly s?: number;
}

/** The labels of SenML in CBOR (RFC 8428, table 4). */
const CBOR_LABELS: Readonly<Record<string, string>> = {
  '-1': 'bver',
  '-2': 'bn',
  '-3': 'bt',
  '-4': 'bu',
  '-5': 'bv',
  '-6': 'bs',
  '0': 'n',
  '1': 'u',
  '2': 'v',
  '3': 'vs',
  '4': 'vb',
  '5': 's',
  '6': 't',
  '7': 'ut',
  '8': 'vd',
};

interface Bases {
  name: string;
  time: number;
  unit: string | undefined;
  value: number | undefined;
  sum: number | undefined;
  version: number | undefined;
}

/** Times below this are relative to now (RFC 8428, section 4.5.3). */
const RELATIVE_BELOW = 2 ** 28;
const VERSION = 10;

/** Resolves a pack: base fields applied, names and times whole. `nowSeconds` is what relative times are relative to. */
export function resolveSenml(pack: unknown, nowSeconds: number): SenmlRecord[] {
  if (!Array.isArray(pack) || pack.length === 0) throw new Error('a SenML pack must be a list of records');
  const bases: Bases = { name: '', time: 0, unit: undefined, value: undefined, sum: undefined, version: undefined };
  return pack.flatMap((record: unknown) => {
    if (!isRecord(record)) throw new Error('a SenML record must be an object');
    return resolveRecord(named(record), bases, nowSeconds);
  });
}

function named(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [label, value] of Object.entries(record)) out[CBOR_LABELS[label] ?? label] = value;
  return out;
}

function resolveRecord(record: Record<string, unknown>, bases: Bases, nowSeconds: number): SenmlRecord[] {
  // A field that ends in an underscore must be understood, and none is (section 4.4).
  const strange = Object.keys(record).find((label) => label.endsWith('_'));
  if (strange !== undefined) throw new Error(`field ${strange} of SenML must be understood, and is not`);
  bases.name = optional(record, 'bn', 'string') ?? bases.name;
  bases.time = optional(record, 'bt', 'number') ?? bases.time;
  bases.unit = optional(record, 'bu', 'string') ?? bases.unit;
  bases.value = optional(record, 'bv', 'number') ?? bases.value;
  bases.sum = optional(record, 'bs', 'number') ?? bases.sum;
  bases.version = optional(record, 'bver', 'number') ?? bases.version;
  if (bases.version !== undefined && bases.version > VERSION) {
    throw new Error(`SenML's version must be at most ${VERSION}, got ${bases.version}`);
  }
  const values = valuesOf(record, bases);
  // A record of base fields alone says nothing by itself.
  if (Object.keys(values).length === 0) return [];
  const name = bases.name + (optional(record, 'n', 'string') ?? '');
  if (!/^[A-Za-z0-9][A-Za-z0-9:./_-]*$/.test(name)) {
    throw new Error(
      `the name of a SenML record must be letters, digits and -:./_, got ${JSON.stringify(name.slice(0, 60))}`,
    );
  }
  const time = bases.time + (optional(record, 't', 'number') ?? 0);
  const unit = optional(record, 'u', 'string') ?? bases.unit;
  return [
    { n: name, t: time < RELATIVE_BELOW ? nowSeconds + time : time, ...(unit !== undefined && { u: unit }), ...values },
  ];
}

function valuesOf(record: Record<string, unknown>, bases: Bases): Omit<SenmlRecord, 'n' | 't' | 'u'> {
  const text = optional(record, 'vs', 'string');
  const flag = optional(record, 'vb', 'boolean');
  const data = record.vd === undefined ? undefined : dataOf(record.vd);
  const other = text !== undefined || flag !== undefined || data !== undefined;
  const own = optional(record, 'v', 'number');
  const number =
    own === undefined && (other || bases.value === undefined) ? undefined : (own ?? 0) + (bases.value ?? 0);
  const sum = optional(record, 's', 'number');
  // A base value alone, in a record that only sets it, is no measurement.
  const measured = own !== undefined || (!other && number !== undefined && record.n !== undefined);
  return {
    ...(measured && number !== undefined && { v: number }),
    ...(text !== undefined && { vs: text }),
    ...(flag !== undefined && { vb: flag }),
    ...(data !== undefined && { vd: data }),
    ...((sum !== undefined || (bases.sum !== undefined && measured)) && { s: (sum ?? 0) + (bases.sum ?? 0) }),
  };
}

interface Kinds {
  string: string;
  number: number;
  boolean: boolean;
}

function optional<K extends keyof Kinds>(
  record: Record<string, unknown>,
  label: string,
  kind: K,
): Kinds[K] | undefined {
  const value = record[label];
  if (value === undefined) return undefined;
  if (typeof value === kind) return value as Kinds[K];
  if (kind === 'number' && typeof value === 'bigint') return Number(value) as Kinds[K];
  throw new Error(`field ${label} of a SenML record must be ${kind}, got ${typeof value}`);
}

function dataOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]*={0,2}$/.test(value)) {
    throw new Error('field vd of a SenML record must be base64url');
  }
  return Buffer.from(value, 'base64url');
}

/** The value of the last record with a name. */
export function senmlField(records: readonly SenmlRecord[], name: string): unknown {
  const record = records.findLast(({ n }) => n === name);
  return record && (record.v ?? record.vs ?? record.vb ?? record.vd ?? record.s);
}
