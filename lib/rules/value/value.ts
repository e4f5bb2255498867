import type { NdArray, NpScalar } from '../array/ndarray.ts';
import type { Evaluation } from '../evaluation.ts';
import type { Prediction, Predictions } from '../inputs/predictions.ts';
import type { PyDict, PySet } from './hashed.ts';

/** Python's float; an int is a JavaScript number while it is safe, and a bigint beyond 2^53. */
export class PyFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  get typeName(): string {
    return 'float';
  }
}

export class PyList {
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }

  get typeName(): string {
    return 'list';
  }
}

export class PyTuple {
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }

  get typeName(): string {
    return 'tuple';
  }
}

export class PyRange {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly length: number;

  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }

  get typeName(): string {
    return 'range';
  }
}

/** What yields its items once: a generator expression, `zip` or `enumerate`. */
export class PyIterator {
  readonly kind: 'generator' | 'zip' | 'enumerate';
  readonly source: Iterator<Value>;

  constructor(kind: 'generator' | 'zip' | 'enumerate', source: Iterator<Value>) {
    this.kind = kind;
    this.source = source;
  }

  get typeName(): string {
    return this.kind;
  }
}

/** A slice inside square brackets; it lives nowhere else. */
export class PySlice {
  readonly lower: Value;
  readonly upper: Value;
  readonly step: Value;

  constructor(lower: Value, upper: Value, step: Value) {
    this.lower = lower;
    this.upper = upper;
    this.step = step;
  }

  get typeName(): string {
    return 'slice';
  }
}

/** A function or type named as a value, as `key=len` and `dtype=float` do. */
export class PyFunction {
  readonly name: string;
  readonly call: (argument: Value, evaluation: Evaluation) => Value;

  constructor(name: string, call: (argument: Value, evaluation: Evaluation) => Value) {
    this.name = name;
    this.call = call;
  }

  get typeName(): string {
    return 'type';
  }
}

export class PyEllipsis {
  readonly name = '...';

  get typeName(): string {
    return 'ellipsis';
  }
}

export const ELLIPSIS: PyEllipsis = new PyEllipsis();

/** Every value that a rule can hold. `null` is None. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | PyFloat
  | NpScalar
  | NdArray
  | PyList
  | PyTuple
  | PyDict
  | PySet
  | PyRange
  | PyIterator
  | PySlice
  | PyFunction
  | PyEllipsis
  | Prediction
  | Predictions;
