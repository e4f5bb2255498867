import type { Given } from './given.ts';
import { isRecord } from './given.ts';
import { compileJsonPath, getterOf } from './json-path.ts';
import type { Signal } from './signal.ts';
import type { Value, ValueKind } from './value.ts';

/** Where a feature comes from. */
export interface Source {
  /** What it is called in errors. */
  readonly label: string;
  /** What it gives; undefined when that depends on the signal. */
  readonly gives: ValueKind | undefined;
  /** The value; undefined when the signal lacks it. Only pictures take time. */
  readonly read: (signal: Signal) => Value | undefined | Promise<Value>;
}

/** What `from` may be, for the documentation. */
export const SOURCE_DOCS: Readonly<Record<string, string>> = {
  '$…': 'A JSONPath (RFC 9535) into a JSON signal. One that can find several places gives the list of what it finds.',
  body: 'The whole body: JSON, text, a picture or bytes.',
  image: 'The body as a picture: PNG, JPEG, WebP, GIF (first frame), TIFF or AVIF.',
};

/** Reads `from`. Left out, it is the field with the feature's name in a JSON object, and the body in any other signal. */
export function readSource(given: Given | undefined, featureName: string): Source | undefined {
  if (given === undefined) return byName(featureName);
  if (given.value === 'body') return { label: 'the body', gives: undefined, read: bodyOf };
  if (given.value === 'image') return { label: 'the image', gives: 'image', read: imageOf };
  if (typeof given.value !== 'string' || !given.value.startsWith('$')) {
    return given.refuse('must be a JSONPath that begins with $, or one of body, image');
  }
  const get = compileJsonPath(given);
  if (get === undefined) return undefined;
  return { label: given.value, gives: 'json', read: (signal) => jsonValue(get(signal.json())) };
}

function byName(name: string): Source {
  const nested = getterOf(name.split('.'));
  const get = (json: Record<string, unknown>) => (Object.hasOwn(json, name) ? json[name] : nested(json));
  return {
    label: `field ${name}`,
    gives: undefined,
    read(signal) {
      if (signal.form !== 'json') return bodyOf(signal);
      const json = signal.json();
      return jsonValue(isRecord(json) ? get(json) : json);
    },
  };
}

function jsonValue(json: unknown): Value | undefined {
  return json === undefined || json === null ? undefined : { kind: 'json', json };
}

function bodyOf(signal: Signal): Value | undefined | Promise<Value> {
  switch (signal.form) {
    case 'json':
      return jsonValue(signal.json());
    case 'text':
      return { kind: 'texts', shape: [], data: [signal.text()] };
    case 'image':
      return imageOf(signal);
    case 'bytes':
      return { kind: 'bytes', bytes: signal.bytes() };
  }
}

async function imageOf(signal: Signal): Promise<Value> {
  return { kind: 'image', image: await signal.image() };
}
