import type { Evaluation } from '../evaluation.ts';
import { Predictions } from '../inputs/predictions.ts';
import { PyDict } from '../value/hashed.ts';
import { PyList, PyTuple, type Value } from '../value/value.ts';
import { noAttribute } from './attributes.ts';
import { type Arguments, defineFunction, type Parameter } from './function.ts';

interface MappingMethod {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly callOn: (self: Value, args: Arguments, evaluation: Evaluation) => Value;
}

type OnMapping = (mapping: PyDict | Predictions, args: Arguments, evaluation: Evaluation) => Value;

function mappingMethod(name: string, signature: string, call: OnMapping): MappingMethod {
  return {
    name: `.${name}`,
    parameters: defineFunction(name, signature, () => null).parameters,
    callOn: (self, args, evaluation) => {
      if (!(self instanceof PyDict) && !(self instanceof Predictions)) throw noAttribute(self, name);
      evaluation.take(self.size);
      return call(self, args, evaluation);
    },
  };
}

function keysOf(mapping: PyDict | Predictions): Iterable<Value> {
  return mapping instanceof PyDict ? mapping.keys() : mapping.byName.keys();
}

function valuesOf(mapping: PyDict | Predictions): Iterable<Value> {
  return mapping instanceof PyDict ? mapping.values() : mapping.byName.values();
}

function itemsOf(mapping: PyDict | Predictions): Iterable<readonly [Value, Value]> {
  return mapping instanceof PyDict ? mapping.items() : mapping.byName.entries();
}

/** The methods of dicts and of `prediction`; what they list comes as lists, since nothing here can change below them. */
export const MAPPING_METHODS: readonly MappingMethod[] = [
  mappingMethod('keys', '', (mapping) => new PyList([...keysOf(mapping)])),
  mappingMethod('values', '', (mapping) => new PyList([...valuesOf(mapping)])),
  mappingMethod('items', '', (mapping) => new PyList(Array.from(itemsOf(mapping), (pair) => new PyTuple(pair)))),
  mappingMethod('get', 'key, default=, /', (mapping, [key, otherwise]) => {
    const wanted = key as Value;
    if (mapping instanceof PyDict) return mapping.get(wanted) ?? otherwise ?? null;
    return (typeof wanted === 'string' ? mapping.byName.get(wanted) : undefined) ?? otherwise ?? null;
  }),
];
