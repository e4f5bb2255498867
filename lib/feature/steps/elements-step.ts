import { ARRAY_OF, DTYPES, type Dtype } from '../../tensor/dtype.ts';
import { fromFloat16Bits } from '../../tensor/float16.ts';
import type { StepKind } from '../step.ts';
import { fault, kindWords } from '../value.ts';

type NumericDtype = Exclude<Dtype, 'string'>;

const NUMERIC = DTYPES.filter((dtype): dtype is NumericDtype => dtype !== 'string');

/** Bytes as numbers of a type. */
export const ELEMENTS_STEP: StepKind = {
  name: 'elements',
  doc: 'Bytes as numbers of a type, such as `int16`; `numpy.frombuffer`. Without it bytes are numbers from 0 to 255.',
  options: {
    type: `The type of an element: ${NUMERIC.join(', ')}.`,
    order: 'The order of its bytes: `little` (default) or `big`.',
    skip: 'Bytes before the first element, default 0.',
  },
  takes: ['bytes'],
  gives: 'numbers',
  compile(given) {
    const fields = given.fields(['type', 'order', 'skip']);
    if (fields === undefined) return undefined;
    const type = fields.type === undefined ? given.note('must have a type') : fields.type.choice(NUMERIC);
    const big = fields.order?.choice(['little', 'big'] as const) === 'big';
    const skip = fields.skip?.integer({ min: 0, max: 1_000_000 }) ?? 0;
    if (type === undefined) return undefined;
    return (value) => {
      if (value.kind !== 'bytes') throw fault(`must be bytes, got ${kindWords(value.kind)}`);
      const data = readElements(value.bytes.subarray(skip), type, big);
      return { kind: 'numbers', shape: [data.length], data };
    };
  },
};

function readElements(bytes: Uint8Array, type: NumericDtype, big: boolean): Float64Array {
  const array = ARRAY_OF[type];
  const size = array.BYTES_PER_ELEMENT;
  if (bytes.length % size !== 0) throw fault(`must be a multiple of ${size} bytes for ${type}, got ${bytes.length}`);
  const copy = Uint8Array.from(bytes);
  if (big && size > 1) for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
  const elements = new array(copy.buffer, 0, copy.length / size);
  return Float64Array.from(elements as Iterable<number | bigint>, type === 'float16' ? fromBits : Number);
}

function fromBits(bits: number | bigint): number {
  return fromFloat16Bits(Number(bits));
}
