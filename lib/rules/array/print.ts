import { fixedDigits } from '../value/float-text.ts';
import { quoteText } from '../value/quote.ts';
import { elementText } from '../value/scalar-text.ts';
import { BOOL, FLOAT64, INT64, TEXT } from './dtype.ts';
import { type NdArray, showShape, stridesOf } from './ndarray.ts';

const LINE_WIDTH = 75;
const EDGE_ITEMS = 3;
const SUMMARY_ABOVE = 1000;
const PRECISION = 8;

/** The array as numpy's `str` writes it: aligned columns, eight decimals at most, the middle of large ones left out. */
export function arrayText(array: NdArray): string {
  if (array.ndim === 0) return String(plainElement(array, 0));
  return layOut(array, ' ', '');
}

/** The array as numpy's `repr` writes it. */
export function arrayRepr(array: NdArray): string {
  const extras: string[] = [];
  const hidden = array.size === 0 ? array.ndim !== 1 : array.size > SUMMARY_ABOVE;
  if (hidden) extras.push(`shape=${showShape(array.shape)}`);
  const implied = array.dtype === FLOAT64 || array.dtype === INT64 || array.dtype === BOOL;
  if (!implied || array.size === 0) extras.push(`dtype=${dtypeText(array)}`);
  const body = array.ndim === 0 ? quotedElement(array, 0).replace(/\.0$/, '.') : layOut(array, ', ', 'array(');
  if (extras.length === 0) return `array(${body})`;
  const lastLine = `array(${body},`.length - `array(${body}`.lastIndexOf('\n') - 1;
  const spacer = lastLine + extras.join(', ').length + 2 > LINE_WIDTH ? '\n      ' : ' ';
  return `array(${body},${spacer}${extras.join(', ')})`;
}

/** How many elements of the array are written. */
export function writtenElements({ shape, size }: NdArray): number {
  return size > SUMMARY_ABOVE ? shape.reduce((count, length) => count * Math.min(length, 2 * EDGE_ITEMS), 1) : size;
}

function dtypeText(array: NdArray): string {
  if (array.dtype !== TEXT) return array.dtype.name;
  return `'<U${Math.max(1, ...texts(array).map((text) => [...text].length))}'`;
}

function texts(array: NdArray): string[] {
  return Array.from({ length: array.size }, (_, i) => String(array.store[array.offset + i]));
}

function plainElement(array: NdArray, index: number): string {
  const item = array.store[array.offset + index] as number | string;
  return typeof item === 'string' ? item : elementText(array.dtype, item);
}

function quotedElement(array: NdArray, index: number): string {
  const item = array.store[array.offset + index] as number | string;
  return typeof item === 'string' ? quoteText(item) : elementText(array.dtype, item);
}

function layOut(array: NdArray, separator: string, prefix: string): string {
  if (array.size === 0) return '[]';
  const shown = array.shape.map((length) => shownIndexes(length, array.size > SUMMARY_ABOVE));
  const strides = stridesOf(array.shape);
  const elements = new Map<number, string>();
  formatElements(array, indexesShown(shown, strides), elements);
  const indent = ` ${' '.repeat(prefix.length)}`;
  return layOutAxis({ shown, strides, elements, separator }, 0, 0, indent, LINE_WIDTH);
}

/** The positions written along an axis; `undefined` for the dots. */
function shownIndexes(length: number, summarize: boolean): (number | undefined)[] {
  if (!summarize || length <= 2 * EDGE_ITEMS) return Array.from({ length }, (_, i) => i);
  return [0, 1, 2, undefined, length - 3, length - 2, length - 1];
}

function indexesShown(shown: readonly (number | undefined)[][], strides: readonly number[]): number[] {
  let offsets = [0];
  shown.forEach((indexes, axis) => {
    const step = strides[axis] as number;
    offsets = offsets.flatMap((offset) => indexes.filter((i) => i !== undefined).map((i) => offset + i * step));
  });
  return offsets;
}

interface Layout {
  readonly shown: readonly (number | undefined)[][];
  readonly strides: readonly number[];
  readonly elements: ReadonlyMap<number, string>;
  readonly separator: string;
}

function layOutAxis(layout: Layout, axis: number, offset: number, indent: string, width: number): string {
  const axesLeft = layout.shown.length - axis;
  const indexes = layout.shown[axis] as (number | undefined)[];
  const step = layout.strides[axis] as number;
  if (axesLeft === 1) {
    const words = indexes.map((i) => (i === undefined ? '...' : (layout.elements.get(offset + i * step) as string)));
    return wrapWords(words, layout.separator, indent, width - Math.max(layout.separator.trimEnd().length, 1));
  }
  const between = layout.separator.trimEnd() + '\n'.repeat(axesLeft - 1);
  const parts = indexes.map((i) =>
    i === undefined ? '...' : layOutAxis(layout, axis + 1, offset + i * step, `${indent} `, width - 1),
  );
  return `[${parts
    .map((part) => indent + part)
    .join(between)
    .slice(indent.length)}]`;
}

function wrapWords(words: readonly string[], separator: string, indent: string, width: number): string {
  let done = '';
  let line = indent;
  words.forEach((word, i) => {
    if (line.length + word.length > width && line.length > indent.length) {
      done += `${line.trimEnd()}\n`;
      line = indent;
    }
    line += word + (i < words.length - 1 ? separator : '');
  });
  return `[${(done + line).slice(indent.length)}]`;
}

function formatElements(array: NdArray, indexes: readonly number[], out: Map<number, string>): void {
  const plain =
    array.dtype.kind === 'float' ? floatColumn(array, indexes) : indexes.map((i) => quotedElement(array, i));
  const width = array.dtype === TEXT ? 0 : Math.max(...plain.map((text) => text.length));
  const least = array.dtype === BOOL ? 5 : width;
  indexes.forEach((index, i) => {
    out.set(index, (plain[i] as string).padStart(least));
  });
}

function floatColumn(array: NdArray, indexes: readonly number[]): string[] {
  const values = indexes.map((i) => array.store[array.offset + i] as number);
  const sizes = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  const max = Math.max(...sizes);
  const min = Math.min(...sizes);
  const exponential = sizes.length > 0 && (max >= 1e8 || min < 0.0001 || max / min > 1000);
  const split = values.map((v) => (exponential ? exponentialParts(array, v) : fixedParts(array, v)));
  const fraction = Math.max(0, ...split.map((parts) => parts?.fraction.length ?? 0));
  const exponentDigits = Math.max(0, ...split.map((parts) => parts?.exponent.length ?? 0));
  const bodies = split.map((parts, i) => {
    if (parts === undefined) return undefined;
    if (exponential) return exponentialText(values[i] as number, fraction, exponentDigits);
    const filled = parts.fraction.padEnd(fraction, ' ');
    return `${parts.whole}.${filled}`;
  });
  const width = Math.max(0, ...bodies.map((body) => body?.length ?? 0));
  return bodies.map((body, i) => (body ?? elementText(array.dtype, values[i] as number)).padStart(width));
}

interface FloatParts {
  readonly whole: string;
  readonly fraction: string;
  readonly exponent: string;
}

function fixedParts(array: NdArray, value: number): FloatParts | undefined {
  if (!Number.isFinite(value)) return undefined;
  const [whole = '', fraction = ''] = expand(elementText(array.dtype, value)).split('.');
  if (fraction.length <= PRECISION) return { whole, fraction: fraction === '0' ? '' : fraction, exponent: '' };
  const [cutWhole = '', cut = ''] = fixedDigits(value, PRECISION).split('.');
  return { whole: value < 0 ? `-${cutWhole}` : cutWhole, fraction: cut.replace(/0+$/, ''), exponent: '' };
}

function exponentialParts(array: NdArray, value: number): FloatParts | undefined {
  if (!Number.isFinite(value)) return undefined;
  const shortest = Number(elementText(array.dtype, value)).toExponential();
  const digits = (shortest.split('e')[0] ?? '').replace(/[-.]/g, '').length - 1;
  const text = digits > PRECISION ? value.toExponential(PRECISION).replace(/0+e/, 'e') : shortest;
  const [mantissa = '', exponent = '+0'] = text.split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return { whole, fraction, exponent: exponent.slice(1) };
}

/** All of a column have as many digits as the longest needs; the further ones are exact. */
function exponentialText(value: number, fraction: number, exponentDigits: number): string {
  const [mantissa = '', exponent = '+0'] = value.toExponential(fraction).split('e');
  const sign = Object.is(value, -0) ? '-' : '';
  const point = mantissa.includes('.') ? mantissa : `${mantissa}.`;
  return `${sign}${point}e${exponent[0]}${exponent.slice(1).padStart(Math.max(2, exponentDigits), '0')}`;
}

/** A float's text without an exponent. */
function expand(text: string): string {
  const [mantissa = '', exponentText] = text.split('e');
  if (exponentText === undefined) return text;
  const exponent = Number(exponentText);
  if (exponent >= 0) return fixedDigits(Number(text), 1);
  const sign = mantissa.startsWith('-') ? '-' : '';
  return `${sign}0.${'0'.repeat(-exponent - 1)}${mantissa.replace(/[-.]/g, '')}`;
}
