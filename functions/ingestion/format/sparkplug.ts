import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire';

/** A Sparkplug B payload (Eclipse Sparkplug 3.0, section 6.4), as far as values go. */
export interface SparkplugPayload {
  /** Milliseconds since 1970. */
  readonly timestamp?: number;
  readonly seq?: number;
  readonly metrics: readonly SparkplugMetric[];
}

export interface SparkplugMetric {
  /** Absent where the payload names the metric by its alias alone. */
  readonly name?: string;
  readonly alias?: number;
  readonly timestamp?: number;
  /** Null where the metric says that it has none. Templates and data sets are left out. */
  readonly value: unknown;
}

/** Sparkplug's data types whose values need more than protobuf's own (section 6.4.16). */
const INT8 = 1;
const INT16 = 2;
const INT32 = 3;
const INT64 = 4;
const ARRAYS: Readonly<
  Record<number, { readonly bytes: number; readonly read: (view: DataView, at: number) => unknown }>
> = {
  22: { bytes: 1, read: (view, at) => view.getInt8(at) },
  23: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  24: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  25: { bytes: 8, read: (view, at) => small(view.getBigInt64(at, true)) },
  26: { bytes: 1, read: (view, at) => view.getUint8(at) },
  27: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  28: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  29: { bytes: 8, read: (view, at) => small(view.getBigUint64(at, true)) },
  30: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  31: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  34: { bytes: 8, read: (view, at) => small(view.getBigUint64(at, true)) },
};
const BOOLEAN_ARRAY = 32;
const STRING_ARRAY = 33;

const WIRE_BYTES: WireType = 2;

/** Reads a payload. Throws an Error for what is none. */
export function readSparkplug(bytes: Uint8Array): SparkplugPayload {
  const reader = new BinaryReader(bytes);
  const metrics: SparkplugMetric[] = [];
  const head: { timestamp?: number; seq?: number } = {};
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) head.timestamp = Number(reader.uint64());
    else if (field === 3) head.seq = Number(reader.uint64());
    else if (field === 2 && wire === WIRE_BYTES) metrics.push(readMetric(reader.bytes()));
    else reader.skip(wire, field);
  }
  return { ...head, metrics };
}

function readMetric(bytes: Uint8Array): SparkplugMetric {
  const reader = new BinaryReader(bytes);
  const metric: { name?: string; alias?: number; timestamp?: number } = {};
  let type = 0;
  let value: unknown = null;
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) metric.name = reader.string();
    else if (field === 2) metric.alias = Number(reader.uint64());
    else if (field === 3) metric.timestamp = Number(reader.uint64());
    else if (field === 4) type = reader.uint32();
    else if (field >= 10 && field <= 16) value = readValue(reader, field);
    else reader.skip(wire, field);
  }
  return { ...metric, value: typedValue(value, type) };
}

function readValue(reader: BinaryReader, field: number): unknown {
  switch (field) {
    case 10:
      return reader.uint32();
    case 11:
      return BigInt(reader.uint64());
    case 12:
      return reader.float();
    case 13:
      return reader.double();
    case 14:
      return reader.bool();
    case 15:
      return reader.string();
    default:
      return reader.bytes();
  }
}

/** Signed whole numbers travel as unsigned ones, arrays as bytes. */
function typedValue(value: unknown, type: number): unknown {
  if (typeof value === 'number') {
    if (type === INT8) return (value << 24) >> 24;
    if (type === INT16) return (value << 16) >> 16;
    return type === INT32 ? value | 0 : value;
  }
  if (typeof value === 'bigint') return small(type === INT64 ? BigInt.asIntN(64, value) : value);
  return value instanceof Uint8Array ? arrayValue(value, type) : value;
}

function arrayValue(bytes: Uint8Array, type: number): unknown {
  if (type === STRING_ARRAY) return Buffer.from(bytes).toString('utf8').split('\0').slice(0, -1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === BOOLEAN_ARRAY) return booleans(view);
  const array = ARRAYS[type];
  if (array === undefined) return bytes;
  if (bytes.length % array.bytes !== 0) throw new Error(`an array of Sparkplug type ${type} must be whole`);
  return Array.from({ length: bytes.length / array.bytes }, (_, i) => array.read(view, i * array.bytes));
}

/** A count, then eight booleans in each byte, the first in the highest bit. */
function booleans(view: DataView): boolean[] {
  const count = view.byteLength < 4 ? 0 : view.getUint32(0, true);
  if (Math.ceil(count / 8) !== view.byteLength - 4) throw new Error('an array of Sparkplug booleans must be whole');
  return Array.from({ length: count }, (_, i) => ((view.getUint8(4 + (i >> 3)) >> (7 - (i & 7))) & 1) === 1);
}

function small(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** The value of the last metric with a name. */
export function sparkplugField(payload: SparkplugPayload, name: string): unknown {
  return payload.metrics.findLast((metric) => metric.name === name)?.value;
}
