import { NdArray, NpScalar, showShape } from '../array/ndarray.ts';
import { transpose } from '../array/shape.ts';
import type { Evaluation } from '../evaluation.ts';
import { Prediction } from '../inputs/predictions.ts';
import { PyError } from '../value/py-error.ts';
import { typeName } from '../value/type-name.ts';
import { PyTuple, type Value } from '../value/value.ts';

type Read = (object: Value, evaluation: Evaluation) => Value;

/** Every attribute that is read without being called. */
export const ATTRIBUTES: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['data', ofPrediction('data', (prediction) => prediction.data)],
  ['class_label', ofPrediction('class_label', (prediction) => prediction.classLabel)],
  ['probability', ofPrediction('probability', (prediction) => prediction.probability)],
  ['shape', ofArray('shape', (array) => new PyTuple(array.shape))],
  ['ndim', ofArray('ndim', (array) => array.ndim)],
  ['size', ofArray('size', (array) => array.size)],
  ['T', ofArray('T', (array, evaluation) => transpose(array, undefined, evaluation))],
]);

function ofPrediction(name: string, read: (prediction: Prediction) => Value): Read {
  return (object) => {
    if (object instanceof Prediction) return read(object);
    throw noAttribute(object, name);
  };
}

function ofArray(name: string, read: (array: NdArray, evaluation: Evaluation) => Value): Read {
  return (object, evaluation) => {
    if (object instanceof NdArray) return read(object, evaluation);
    if (!(object instanceof NpScalar)) throw noAttribute(object, name);
    return name === 'T' ? object : read(scalarAsArray(object), evaluation);
  };
}

export function scalarAsArray(scalar: NpScalar): NdArray {
  const store = scalar.dtype.numbers(1);
  store[0] = scalar.value;
  return new NdArray(scalar.dtype, [], store);
}

/** The error of an attribute that a value of this type lacks. */
export function noAttribute(object: Value, name: string): PyError {
  const shape = object instanceof NdArray ? ` of shape ${showShape(object.shape)}` : '';
  return new PyError('AttributeError', `'${typeName(object)}' object${shape} has no attribute '${name}'`);
}
