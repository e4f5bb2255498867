import { isRecord } from '../json/json-object.ts';
import { type Given, unknownName } from './given.ts';
import { compileJsonPath, type JsonPath } from './json-path.ts';
import { SIGNAL_ATTRIBUTES, type Signal } from './signal.ts';
import { compileSteps, STEP_PARAMS } from './step-list.ts';
import { fault, toTexts, type Value, type ValueKind } from './value.ts';

/** Where a feature comes from. */
export interface Source {
  /** What it is called in errors. */
  readonly label: string;
  /** What it gives; undefined when that depends on the signal. */
  readonly gives: ValueKind | undefined;
  /** Whether it looks for a field of an object: a list of objects is then many signals. */
  readonly takesField: boolean;
  /** The value; undefined when the signal lacks it. Only pictures take time. */
  readonly read: (signal: Signal) => Value | undefined | Promise<Value | undefined>;
}

/** All fields that a signal has, and what they are, where that is known beforehand. */
export type KnownFields = ReadonlyMap<string, ValueKind>;

/** What `from` may be, for the documentation. */
export const SOURCE_DOCS: Readonly<Record<string, string>> = {
  '"$…"':
    'A JSONPath (RFC 9535) into a signal of records. One that can find several places gives the list of what it finds.',
  '{ "field": "name" }': 'A field of a JSON object, a column of CSV, a record of SenML, a metric of Sparkplug.',
  '"body"': 'The whole body: records, text, a picture, sound or bytes.',
  '"image"': 'The body as a picture: PNG, JPEG, WebP, GIF (first frame), TIFF or AVIF.',
  '"audio"': 'The body as sound: WAV with PCM or float samples.',
  '"bytes"': 'The body as bytes, whatever it is.',
  '{ "inside": "$…", "as": "image" }':
    'A picture (`image`), sound (`audio`) or `bytes` that stands in a record, as base64 or as the bytes of CBOR or MessagePack.',
  '{ "pixel": [x, y] }': 'The channels of one pixel of a picture.',
  '{ "attribute": "time" }': 'What is known of the signal beside its body: `id`, `source`, `time`, `subject`.',
  '{ "split": "-", "part": -1 }':
    'A part of a text that is cut at a separator, counted from 0, or from the end where negative; `[start, stop]` are several, joined again. Of the body, or of what `of` says, which is one of these.',
  '[…, …]':
    'Several of these, one after the other in one row. One as `{ "from": …, … }` may have steps of its own: `{ "from": "$.when", "time": { "parts": ["weekday"] } }`.',
};

/**
 * Reads `from`. Left out, it is the field with the feature's name in records, and the body of any other signal. `fields` are all
 * that the signal has, where that is known beforehand.
 */
export function readSource(given: Given | undefined, featureName: string, fields?: KnownFields): Source | undefined {
  if (given === undefined) return byName(featureName);
  if (Array.isArray(given.value)) return readRow(given, fields);
  return typeof given.value === 'string' ? readWord(given) : readObject(given, fields);
}

const WORDS: Readonly<Record<string, Omit<Source, 'takesField'>>> = {
  body: { label: 'the body', gives: undefined, read: bodyOf },
  image: { label: 'the image', gives: 'image', read: (signal) => imageOf(signal) },
  audio: { label: 'the sound', gives: 'audio', read: (signal) => ({ kind: 'audio', audio: signal.audio() }) },
  bytes: { label: 'the body', gives: 'bytes', read: (signal) => ({ kind: 'bytes', bytes: signal.bytes() }) },
};

function readWord(given: Given): Source | undefined {
  const word = String(given.value);
  if (Object.hasOwn(WORDS, word)) return { ...(WORDS[word] as Source), takesField: false };
  if (!word.startsWith('$')) return given.refuse(`must be a JSONPath that begins with $, or one of ${words()}`);
  const path = compileJsonPath(given);
  return path && { label: word, gives: 'json', takesField: path.takesField, read: pathReader(path) };
}

function words(): string {
  return Object.keys(WORDS).join(', ');
}

function pathReader({ get }: JsonPath): (signal: Signal) => Value | undefined {
  return (signal) => jsonValue(get(signal.json()));
}

function readObject(given: Given, known: KnownFields | undefined): Source | undefined {
  const fields = given.fields(['field', 'inside', 'as', 'pixel', 'attribute', 'split', 'part', 'of']);
  if (fields === undefined) return undefined;
  const kinds = ['field', 'inside', 'pixel', 'attribute', 'split'] as const;
  if (kinds.filter((name) => fields[name] !== undefined).length !== 1) {
    return given.note(`must have one of ${kinds.join(', ')}`);
  }
  if (fields.as !== undefined && fields.inside === undefined) fields.as.note('must come with inside');
  if (fields.split) return readSplit(fields.split, fields.part, fields.of, known);
  for (const part of [fields.part, fields.of]) part?.note('must come with split');
  if (fields.field) return readField(fields.field, known);
  if (fields.pixel) return readPixel(fields.pixel);
  if (fields.attribute) return readAttribute(fields.attribute);
  return fields.inside && readInside(fields.inside, fields.as, given);
}

function readField(given: Given, known: KnownFields | undefined): Source | undefined {
  const name = given.text(200);
  if (name === undefined) return undefined;
  if (known?.has(name) === false) return given.note(unknownName(name, [...known.keys()]));
  const gives = known?.get(name) ?? 'json';
  const json = (signal: Signal) => jsonValue(signal.field(name));
  const read = gives === 'numbers' ? (signal: Signal) => signal.numbers?.(name) ?? json(signal) : json;
  return { label: `field ${name}`, gives, takesField: true, read };
}

function byName(name: string): Source {
  return {
    label: `field ${name}`,
    gives: undefined,
    takesField: true,
    read(signal) {
      if (signal.form !== 'json') return bodyOf(signal);
      const json = signal.json();
      // A list of numbers or a bare value has no fields: it is the feature. A pack of records has.
      const hasFields = isRecord(json) || (Array.isArray(json) && json.some(isRecord));
      return jsonValue(hasFields ? signal.field(name) : json);
    },
  };
}

function readAttribute(given: Given): Source | undefined {
  const name = given.choice(SIGNAL_ATTRIBUTES);
  return name === undefined
    ? undefined
    : {
        label: `attribute ${name}`,
        gives: 'json',
        takesField: false,
        read: (signal) => jsonValue(signal.attribute(name)),
      };
}

function readPixel(given: Given): Source | undefined {
  const at = given.list({ min: 2, max: 2 })?.map((item) => item.integer({ min: 0, max: 65535 }));
  const [x, y] = at ?? [];
  if (x === undefined || y === undefined) return undefined;
  return {
    label: `pixel ${x}, ${y}`,
    gives: 'numbers',
    takesField: false,
    async read(signal) {
      const { width, height, channels, data } = await signal.image();
      if (x >= width || y >= height) throw fault(`must be in the picture of ${width} by ${height} pixels`);
      const start = (y * width + x) * channels;
      return { kind: 'numbers', shape: [channels], data: data.slice(start, start + channels) };
    },
  };
}

function readInside(path: Given, as: Given | undefined, given: Given): Source | undefined {
  const compiled = compileJsonPath(path);
  const kind = as === undefined ? given.note('must have as') : as.choice(['image', 'audio', 'bytes'] as const);
  if (compiled === undefined || kind === undefined) return undefined;
  const bytesIn = (signal: Signal) => partOf(compiled.get(signal.json()));
  return {
    label: String(path.value),
    gives: kind,
    takesField: compiled.takesField,
    read(signal) {
      const bytes = bytesIn(signal);
      if (bytes === undefined) return undefined;
      if (kind === 'image') return imageOf(signal, bytes);
      return kind === 'audio' ? { kind, audio: signal.audio(bytes) } : { kind, bytes };
    },
  };
}

/** Blanks after the text count to it alone: were they looked for twice, a long row of them would be tried in every way. */
const BASE64 = /^[A-Za-z0-9+/_\s-]*(?:=\s*(?:=\s*)?)?$/;

function partOf(json: unknown): Uint8Array | undefined {
  if (json === undefined || json === null || json instanceof Uint8Array) return json ?? undefined;
  // A data URL says its type in front, which the bytes tell as well.
  const text = typeof json === 'string' ? json.replace(/^data:[^,]{0,100};base64,/, '') : '';
  if (text === '' || !BASE64.test(text)) throw fault('must be base64');
  return Buffer.from(text, 'base64');
}

const MAX_PARTS = 10_000;

function readSplit(
  split: Given,
  part: Given | undefined,
  of: Given | undefined,
  known: KnownFields | undefined,
): Source | undefined {
  const separator = split.text(20);
  const source = readSource(of ?? split.holding('body'), '', known);
  const bound = { min: -MAX_PARTS, max: MAX_PARTS };
  const ends = Array.isArray(part?.value) ? part.list({ min: 2, max: 2 }) : undefined;
  const places = ends?.map((end) => (end.value === null ? undefined : end.integer(bound)));
  const place = ends === undefined ? part?.integer(bound) : undefined;
  if (part === undefined) return split.note('must come with part');
  if (separator === undefined || source === undefined) return undefined;
  return {
    label: `part ${JSON.stringify(part.value)} of ${source.label}`,
    gives: 'json',
    takesField: source.takesField,
    read(signal) {
      const found = source.read(signal);
      if (found === undefined || found instanceof Promise) return undefined;
      const parts = textIn(found).split(separator, MAX_PARTS);
      return jsonValue(places ? parts.slice(...places).join(separator) : parts.at(place ?? 0));
    },
  };
}

function textIn(value: Value): string {
  if (value.kind === 'json' && typeof value.json === 'number') return String(value.json);
  const { shape, data } = toTexts(value);
  if (shape.length > 0) throw fault('must be one text to be split');
  return data[0] ?? '';
}

/** An item of a row: a source, or one with steps of its own. */
function readItem(given: Given, known: KnownFields | undefined): Source | undefined {
  if (Array.isArray(given.value)) return given.refuse('must not be a list in a list');
  const from = isRecord(given.value) ? given.field('from') : undefined;
  if (from === undefined) return readSource(given, '', known);
  const names = given.keys().filter((key) => key !== 'from');
  const allowed = ['from', 'steps', ...STEP_PARAMS];
  for (const name of names) if (!allowed.includes(name)) given.field(name)?.note(unknownName(name, allowed));
  const source = Array.isArray(from.value) ? from.refuse('must not be a list in a list') : readSource(from, '', known);
  const steps = compileSteps(given.only(names), source?.gives, { round: (value) => value });
  if (source === undefined) return undefined;
  const run = (found: Value | undefined) => found && steps.reduce((value, step) => step(value), found);
  return {
    ...source,
    gives: steps.length === 0 ? source.gives : 'numbers',
    read(signal) {
      const found = source.read(signal);
      return found instanceof Promise ? found.then(run) : run(found);
    },
  };
}

function readRow(given: Given, known: KnownFields | undefined): Source | undefined {
  const items = given.list({ min: 1, max: 4096 })?.map((item) => {
    const source = readItem(item, known);
    if (source?.gives === 'image' || source?.gives === 'audio') return item.note('must not be in a row');
    return source;
  });
  if (!items?.every((item) => item !== undefined)) return undefined;
  return {
    label: items.map(({ label }) => label).join(', '),
    gives: 'json',
    takesField: items.every(({ takesField }) => takesField),
    read(signal) {
      const values = items.map((item) => item.read(signal));
      if (values.some((value) => value instanceof Promise)) return Promise.all(values).then(rowOf);
      return rowOf(values as (Value | undefined)[]);
    },
  };
}

/** Values one after the other; one that the signal lacks is null, for `missing` to fill. */
function rowOf(values: readonly (Value | undefined)[]): Value {
  const row: unknown[] = [];
  for (const value of values) {
    if (value === undefined) row.push(null);
    else if (value.kind === 'json') append(row, Array.isArray(value.json) ? value.json.flat(32) : [value.json]);
    else if (value.kind === 'numbers' || value.kind === 'texts') append(row, value.data);
    else throw fault('must be numbers or text to stand in a row');
  }
  return { kind: 'json', json: row };
}

/** One by one: as many arguments as a recording has samples do not fit the stack. */
function append(row: unknown[], items: Iterable<unknown>): void {
  for (const item of items) row.push(item);
}

function jsonValue(json: unknown): Value | undefined {
  if (json === undefined || json === null) return undefined;
  return json instanceof Uint8Array ? { kind: 'bytes', bytes: json } : { kind: 'json', json };
}

function bodyOf(signal: Signal): Value | undefined | Promise<Value> {
  switch (signal.form) {
    case 'json':
      return jsonValue(signal.json());
    case 'text':
      return { kind: 'texts', shape: [], data: [signal.text()] };
    case 'image':
      return imageOf(signal);
    case 'audio':
      return { kind: 'audio', audio: signal.audio() };
    case 'bytes':
      return { kind: 'bytes', bytes: signal.bytes() };
  }
}

async function imageOf(signal: Signal, part?: Uint8Array): Promise<Value> {
  return { kind: 'image', image: await signal.image(part), file: part ?? signal.bytes() };
}
