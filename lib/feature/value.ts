import type { Audio } from '../audio/wav.ts';
import { BoxError } from '../error/box-error.ts';
import type { Image } from '../image/image.ts';
import { shown } from './given.ts';

/** What flows from a feature's source through its steps to its output. */
export type Value = JsonValue | Numbers | Texts | Picture | Sound | Bytes;
export type ValueKind = Value['kind'];

/** A value out of the signal's JSON, not looked at yet. */
export interface JsonValue {
  readonly kind: 'json';
  readonly json: unknown;
}

/** Numbers in row-major order. Steps compute in float64; bytes stay bytes until a step computes with them. */
export interface Numbers {
  readonly kind: 'numbers';
  readonly shape: readonly number[];
  readonly data: Float64Array | Uint8Array;
  /** The axis that holds the channels, where there is one: that of a picture. */
  readonly channelAxis?: number;
  /** Samples of a second, where the numbers are sound. */
  readonly rate?: number;
}

/** Text: one (`shape` []) or an array of such. */
export interface Texts {
  readonly kind: 'texts';
  readonly shape: readonly number[];
  readonly data: readonly string[];
}

export interface Picture {
  readonly kind: 'image';
  readonly image: Image;
  /** The file that it was decoded from, which says how it is to be turned. */
  readonly file: Uint8Array | undefined;
}

export interface Sound {
  readonly kind: 'audio';
  readonly audio: Audio;
}

export interface Bytes {
  readonly kind: 'bytes';
  readonly bytes: Uint8Array;
}

/** The largest array that a feature may be. */
export const MAX_ELEMENTS = 16 * 1024 * 1024;

/** How deep lists may nest, as in numpy. */
export const MAX_LISTS = 32;

/** An error of the signal; who makes the feature puts its name in front. */
export function fault(rule: string): BoxError {
  return new BoxError('invalid_argument', rule);
}

/** The value as numbers: numbers, booleans as 0 and 1, text that holds a decimal number, lists of such; bytes one by one. */
export function toNumbers(value: Value): Numbers {
  if (value.kind === 'numbers') return value;
  if (value.kind === 'json') return numbersOfJson(value.json);
  if (value.kind === 'texts') {
    return { kind: 'numbers', shape: value.shape, data: Float64Array.from(value.data, (text) => numberOf(text, '')) };
  }
  if (value.kind === 'bytes') return { kind: 'numbers', shape: [value.bytes.length], data: value.bytes };
  throw fault(`must be numbers, got ${kindWords(value.kind)}`);
}

/** The value as text, or lists of text. */
export function toTexts(value: Value): Texts {
  if (value.kind === 'texts') return value;
  if (value.kind !== 'json') throw fault(`must be text, got ${kindWords(value.kind)}`);
  const { shape, flat } = flatten(value.json);
  return { kind: 'texts', shape, data: flat.map(textOf) };
}

function textOf(item: unknown): string {
  if (typeof item === 'string') return item;
  throw fault(`must be text, got ${shown(item)}`);
}

function numbersOfJson(json: unknown): Numbers {
  if (json instanceof Uint8Array) return { kind: 'numbers', shape: [json.length], data: json };
  if (!Array.isArray(json)) return { kind: 'numbers', shape: [], data: Float64Array.of(numberOf(json, '')) };
  if (!Array.isArray(json[0])) {
    const data = new Float64Array(json.length);
    for (let i = 0; i < data.length; i++) data[i] = numberOf(json[i], i);
    return { kind: 'numbers', shape: [json.length], data };
  }
  const { shape, flat } = flatten(json);
  return { kind: 'numbers', shape, data: Float64Array.from(flat, (item, i) => numberOf(item, i)) };
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function numberOf(item: unknown, index: number | ''): number {
  if (typeof item === 'number') return item;
  if (typeof item === 'boolean') return item ? 1 : 0;
  if (typeof item === 'bigint') return Number(item);
  const text = typeof item === 'string' ? item.trim() : '';
  if (text.length < 400 && DECIMAL.test(text)) return Number(text);
  throw fault(`must be ${index === '' ? 'a number' : `a number at element ${index}`}, got ${shown(item)}`);
}

/** Nested lists of equal lengths as their shape and their elements in row-major order. */
export function flatten(json: unknown): { shape: number[]; flat: unknown[] } {
  const shape: number[] = [];
  for (let level = json; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > MAX_LISTS) throw fault(`must nest at most ${MAX_LISTS} lists deep`);
  }
  const flat: unknown[] = [];
  const walk = (value: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (Array.isArray(value)) throw fault(`must be lists of equal depth, got a list below level ${depth}`);
      flat.push(value);
      return;
    }
    if (!Array.isArray(value)) throw fault(`must be lists of equal depth, got ${shown(value)} at level ${depth}`);
    if (value.length !== shape[depth]) {
      throw fault(`must be lists of equal length, got ${shape[depth]} and ${value.length} at level ${depth}`);
    }
    for (const item of value) walk(item, depth + 1);
  };
  walk(json, 0);
  return { shape, flat };
}

/** The numbers as float64 that may be written to: a copy of what is shared. */
export function floats(numbers: Numbers): Float64Array {
  return Float64Array.from(numbers.data);
}

const KIND_WORDS: Readonly<Record<ValueKind, string>> = {
  json: 'JSON',
  numbers: 'numbers',
  texts: 'text',
  image: 'an image',
  audio: 'sound',
  bytes: 'bytes',
};

export function kindWords(kind: ValueKind): string {
  return KIND_WORDS[kind];
}

/**
 * Refuses an array that would be too large, before it is made.
 *
 * @throws BoxError `invalid_argument`
 */
export function checkElements(count: number): void {
  if (count > MAX_ELEMENTS) throw fault(`must make an array of at most ${MAX_ELEMENTS} elements, got ${count}`);
}

export function showShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
