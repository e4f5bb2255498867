import { BoxError } from '#lib/error/box-error.ts';
import { fromFloat16Bits } from '#lib/tensor/float16.ts';
import type { Tensor } from '#lib/tensor/tensor.ts';
import type { Model, OutputValue, RunResult } from './model.ts';
import { rowsOf } from './row-batcher.ts';
import { DYNAMIC_SIZES, sampleShape, varied, zeros } from './sample-input.ts';

/** Shapes that a scenario declares for the inputs, by name: they stand in for dynamic dimensions. */
export type DeclaredShapes = ReadonlyMap<string, readonly (number | string | null)[]>;

/** What trying a model out has shown. */
export interface DryRun {
  /** Whether rows of strangers can be run together: the first dimensions are dynamic and no row looks at another. */
  readonly batchable: boolean;
  /** How long the model takes for one row, in milliseconds; undefined when it could not be run. */
  readonly rowMs: number | undefined;
  /** The shapes of the outputs for one row, by the output's place. */
  readonly outputShapes: readonly (readonly number[] | undefined)[];
  /** Why the model could not be run on zeros, if so. */
  readonly failure: BoxError | undefined;
  /**
   * Whether the failure shows that the graph contradicts its own input shape: it speaks of shapes, and no dimension had
   * to be guessed. A model may as well fail on zeros because it knows no such word, or no such size.
   */
  readonly contradicts: boolean;
}

/** Words of ONNX Runtime's errors about shapes. */
const SHAPE_WORDS = /shape|dimension|\bdims?\b|broadcast|\brank\b|incompatible|mismatch/i;

/**
 * Runs a model on made-up input: it is warm then, its speed is known, and a graph that contradicts its own input shape
 * is found now and not at the first message.
 */
export async function dryRun(model: Model, declared: DeclaredShapes = new Map()): Promise<DryRun> {
  let failure: BoxError | undefined;
  for (const dynamic of DYNAMIC_SIZES) {
    try {
      return await tryOut(model, dynamic, declared);
    } catch (error) {
      failure ??= BoxError.from(error);
    }
    // Without dynamic dimensions beyond the first, another size changes nothing.
    if (!hasInnerDynamic(model, declared)) break;
  }
  const speaksOfShapes = failure !== undefined && SHAPE_WORDS.test(failure.message);
  const contradicts = speaksOfShapes && !hasInnerDynamic(model, declared);
  return { batchable: false, rowMs: undefined, outputShapes: [], failure, contradicts };
}

function hasInnerDynamic(model: Model, declared: DeclaredShapes): boolean {
  const shapes = (dynamic: number) =>
    model.signature.inputs.map((spec) => sampleShape(spec, 1, dynamic, declared.get(spec.name)));
  return JSON.stringify(shapes(1)) !== JSON.stringify(shapes(2));
}

async function tryOut(model: Model, dynamic: number, declared: DeclaredShapes): Promise<DryRun> {
  const inputs = (rows: number, make: typeof zeros) =>
    model.signature.inputs.map((spec) => make(spec, sampleShape(spec, rows, dynamic, declared.get(spec.name))));
  const first = await model.run(inputs(1, zeros));
  const rowMs = await model.measure(inputs(1, zeros));
  const outputShapes = first.outputs.map((output) => (isTensor(output) ? output.shape : undefined));
  const batchable = firstDimensionsAreDynamic(model) && (await rowsAreIndependent(model, inputs));
  return { batchable, rowMs, outputShapes, failure: undefined, contradicts: false };
}

function firstDimensionsAreDynamic({ signature }: Model): boolean {
  return (
    signature.inputs.length > 0 &&
    signature.inputs.every(({ shape }) => shape !== undefined && shape.length > 0 && typeof shape[0] !== 'number') &&
    signature.outputs.every(({ kind }) => kind === 'tensor' || kind === 'class-map')
  );
}

/**
 * Three rows together must give what each gives alone. A model that fails on them is run one by one: shapes alone do
 * not show that rows are apart, a mean over the batch has the right shape too.
 */
async function rowsAreIndependent(
  model: Model,
  inputs: (rows: number, make: typeof varied) => Tensor[],
): Promise<boolean> {
  const rows = 3;
  const all = inputs(rows, varied);
  const single = (row: number) => all.map((tensor) => ownRow(tensor, row));
  const singles = Array.from({ length: rows }, (_, row) => single(row));
  let together: RunResult;
  const alone: RunResult[] = [];
  try {
    together = await model.run(all);
    for (const row of singles) alone.push(await model.run(row));
  } catch (error) {
    if (error instanceof BoxError && error.code === 'invalid_argument') return false;
    throw error;
  }
  return together.outputs.every(
    (output, i) =>
      isTensor(output) &&
      output.shape[0] === rows &&
      alone.every((result, row) => sameTensor(rowsOf(output, row, row + 1), result.outputs[i])),
  );
}

/** A row with memory of its own, which the run may take. */
function ownRow(tensor: Tensor, row: number): Tensor {
  const view = rowsOf(tensor, row, row + 1);
  return { ...view, data: view.data.slice() };
}

export function isTensor(output: OutputValue | undefined): output is Tensor {
  return output !== null && output !== undefined && !Array.isArray(output);
}

/** Kernels may add in another order for more rows. */
const TOLERANCE = 1e-3;

function sameTensor(a: Tensor, b: OutputValue | undefined): boolean {
  if (!isTensor(b) || a.data.length !== b.data.length || a.shape.length !== b.shape.length) return false;
  return Array.from({ length: a.data.length }).every((_, i) => sameElement(a, b, i));
}

function sameElement(a: Tensor, b: Tensor, i: number): boolean {
  const [x, y] = [a.data[i], b.data[i]];
  if (typeof x === 'string' || typeof x === 'bigint') return x === y;
  const [p, q] =
    a.dtype === 'float16' ? [fromFloat16Bits(Number(x)), fromFloat16Bits(Number(y))] : [Number(x), Number(y)];
  if (Number.isNaN(p) || p === q) return Object.is(p, q) || p === q;
  return Math.abs(p - q) <= TOLERANCE * Math.max(1, Math.abs(p));
}
