import { NdArray, NpScalar } from '../array/ndarray.ts';
import { arrayRepr, arrayText, writtenElements } from '../array/print.ts';
import { floatText } from './float-text.ts';
import { PyDict, PySet } from './hashed.ts';
import { valueError } from './py-error.ts';
import { quoteText } from './quote.ts';
import { elementText } from './scalar-text.ts';
import { typeName } from './type-name.ts';
import { PyFloat, PyFunction, PyList, PyRange, PyTuple, type Value } from './value.ts';

/** Counts what is made, so that a small value with a huge text is refused before it is written. */
export interface Meter {
  take(elements: number): void;
}

/** A value as Python's `str` writes it. */
export function toText(value: Value, meter: Meter): string {
  if (typeof value === 'string') return value;
  if (value instanceof NpScalar) return elementText(value.dtype, value.value);
  if (value instanceof NdArray) return arrayText(metered(value, meter));
  return toRepr(value, meter);
}

/** A value as Python's `repr` writes it. */
export function toRepr(value: Value, meter: Meter): string {
  if (value === null) return 'None';
  if (typeof value === 'string') return quoteText(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return intText(value);
  if (value instanceof PyFloat) return floatText(value.value);
  if (value instanceof NpScalar) return scalarRepr(value);
  if (value instanceof NdArray) return arrayRepr(metered(value, meter));
  return containerRepr(value, meter);
}

/** What laying out one element takes, beside its text, in elements. */
const LAYOUT_ELEMENTS = 16;

/** Counts the elements that are written of an array: many short axes are written whole. */
function metered(array: NdArray, meter: Meter): NdArray {
  meter.take(LAYOUT_ELEMENTS * writtenElements(array));
  return array;
}

/** An int in decimal digits, as many as Python writes. */
export function intText(value: number | bigint): string {
  const text = String(value);
  if (text.length > 4300) throw valueError('Exceeds the limit (4300 digits) for integer string conversion');
  return text;
}

function scalarRepr(value: NpScalar): string {
  const text = elementText(value.dtype, value.value);
  return value.dtype.kind === 'bool' ? `np.${text}_` : `np.${value.dtype.name}(${text})`;
}

function containerRepr(value: Exclude<Value, null | string | boolean | number | bigint>, meter: Meter): string {
  const write = (item: Value): string => {
    const text = toRepr(item, meter);
    meter.take(text.length);
    return text;
  };
  if (value instanceof PyList) return `[${value.items.map(write).join(', ')}]`;
  if (value instanceof PyTuple) {
    return value.items.length === 1 ? `(${write(value.items[0] as Value)},)` : `(${value.items.map(write).join(', ')})`;
  }
  if (value instanceof PyDict) {
    return `{${Array.from(value.items(), ([key, item]) => `${write(key)}: ${write(item)}`).join(', ')}}`;
  }
  if (value instanceof PySet) return value.size === 0 ? 'set()' : `{${Array.from(value.values(), write).join(', ')}}`;
  if (value instanceof PyRange) {
    const step = value.step === 1 ? '' : `, ${value.step}`;
    return `range(${value.start}, ${value.stop}${step})`;
  }
  return value instanceof PyFunction ? `<class '${value.name}'>` : `<${typeName(value)}>`;
}
