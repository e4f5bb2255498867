import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import type * as Ort from 'onnxruntime-node';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { type Dtype, isDtype, type NumericData } from '#lib/tensor/dtype.ts';
import type { Tensor } from '#lib/tensor/tensor.ts';
import type {
  InputSpec,
  Model,
  OutputSpec,
  OutputValue,
  SessionOptions,
  Signature,
  SkippedProvider,
} from '../model.ts';
import { adaptOutputs, type OutputPlan } from './adapt-outputs.ts';
import { freeBytes } from './free-bytes.ts';
import { externalFiles, type OnnxFile, readOnnx, shapeOf } from './onnx-file.ts';
import { ModelProtoSchema } from './onnx-pb.ts';
import { loadRuntime } from './runtime.ts';

/**
 * Loads a model into this thread. `run` blocks the thread while the model runs.
 *
 * @throws BoxError `unprocessable` for a file that is no ONNX model, or one that ONNX Runtime refuses.
 */
export async function openSession(path: string, options: SessionOptions): Promise<Model> {
  const ort = await loadRuntime();
  const bytes = await readFile(path);
  try {
    return await openFile(ort, path, readOnnx(bytes), options);
  } finally {
    freeBytes(bytes);
  }
}

async function openFile(ort: typeof Ort, path: string, file: OnnxFile, options: SessionOptions): Promise<Model> {
  refuseInputsThatAreNoTensors(file);
  const { plans, changed } = adaptOutputs(file);
  const { session, skipped } = changed
    ? await createChanged(ort, path, file, options)
    : await create(ort, path, options);
  const signature = signatureOf(session, file, plans);
  const fetches = plans.flatMap(({ fetch }) => fetch);
  const feedsOf = (inputs: readonly Tensor[]) => {
    const feeds: Record<string, Ort.Tensor> = Object.create(null);
    signature.inputs.forEach((spec, i) => {
      feeds[spec.name] = toOrt(ort, inputs[i] ?? missingInput(spec));
    });
    return feeds;
  };
  return {
    signature,
    skipped,
    async run(inputs) {
      const feeds = feedsOf(inputs);
      const started = performance.now();
      const results = await runSession(session, feeds, fetches);
      const computeMs = performance.now() - started;
      return { outputs: plans.map((plan) => gatherOutput(plan, results)), computeMs };
    },
    measure: (inputs) => measureRuns(() => runSession(session, feedsOf(inputs), fetches)),
    close: () => session.release(),
  };
}

const MEASURED_TOGETHER = 4;
const MEASURED_ROUNDS = 40;
/** Above this many milliseconds one more run says enough, ... */
const PLAINLY_SLOW_MS = 1;
/** ... and above this many a few rounds do: where the model runs is decided far below. */
const SLOW_MS = 0.25;
const FEW_ROUNDS = 4;

/**
 * The library starts each run in an immediate of its own, which takes longer than a small model: runs that are started
 * together have theirs one right after the other. The best of many short rounds: the code is compiled by then, and one
 * of them will not have been interrupted by a neighbour on the machine.
 */
async function measureRuns(run: () => Promise<unknown>): Promise<number> {
  const round = async (runs: number) => {
    const started = performance.now();
    await Promise.all(Array.from({ length: runs }, run));
    return (performance.now() - started) / runs;
  };
  let best = await round(1);
  for (let i = 0; i < 3 && best > PLAINLY_SLOW_MS; i++) best = Math.min(best, await round(1));
  if (best > PLAINLY_SLOW_MS) return best;
  for (let i = 0; i < (best > SLOW_MS ? FEW_ROUNDS : MEASURED_ROUNDS); i++) {
    best = Math.min(best, await round(MEASURED_TOGETHER));
  }
  return best;
}

function refuseInputsThatAreNoTensors({ graph }: OnnxFile): void {
  const odd = graph.input.find(({ type }) => type !== undefined && type.value.case !== 'tensorType');
  if (odd === undefined) return;
  const kind = odd.type?.value.case?.replace('Type', '') ?? 'of no type';
  throw new BoxError(
    'unprocessable',
    `Cannot run model: input ${JSON.stringify(odd.name)} must be a tensor, got ${kind}`,
  );
}

interface Created {
  readonly session: Ort.InferenceSession;
  readonly skipped: readonly SkippedProvider[];
}

/** Tries the execution providers in order: one that this machine has not is left out, the processor is always the last. */
async function create(ort: typeof Ort, source: string | Uint8Array, options: SessionOptions): Promise<Created> {
  const skipped: SkippedProvider[] = [];
  const wanted = [...new Set([...options.providers, 'cpu'])];
  for (const provider of wanted) {
    try {
      return { session: await createOn(ort, source, provider, options), skipped };
    } catch (cause) {
      if (provider !== wanted.at(-1)) {
        skipped.push({ provider, reason: errorText(cause) });
        continue;
      }
      throw new BoxError('unprocessable', `Cannot load model: ONNX Runtime refuses it: ${errorText(cause)}`, { cause });
    }
  }
  throw new BoxError('internal', 'Cannot load model: there is no execution provider');
}

function createOn(
  ort: typeof Ort,
  source: string | Uint8Array,
  provider: string,
  options: SessionOptions,
): Promise<Ort.InferenceSession> {
  const ortOptions: Ort.InferenceSession.SessionOptions = {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: options.intraOpThreads,
    interOpNumThreads: options.interOpThreads,
    executionMode: options.interOpThreads > 1 ? 'parallel' : 'sequential',
    graphOptimizationLevel: options.optimization,
    // Errors are thrown, and reach the caller in the answer.
    logSeverityLevel: 4,
    // Freed with the session, where the arena would keep the weights' memory for the next one.
    extra: { session: { use_device_allocator_for_initializers: '1' } },
  };
  // The overloads for a path and for bytes are separate.
  return typeof source === 'string'
    ? ort.InferenceSession.create(source, ortOptions)
    : ort.InferenceSession.create(source, ortOptions);
}

async function createChanged(ort: typeof Ort, path: string, file: OnnxFile, options: SessionOptions) {
  const bytes = toBinary(ModelProtoSchema, file.model);
  if (externalFiles(file).length === 0) return create(ort, bytes, options);
  // Tensors in other files are looked for beside the model's.
  const beside = join(dirname(path), `.${crypto.randomUUID()}.onnx`);
  try {
    await writeFile(beside, bytes);
    return await create(ort, beside, options);
  } finally {
    await rm(beside, { force: true });
  }
}

function signatureOf(session: Ort.InferenceSession, file: OnnxFile, plans: readonly OutputPlan[]): Signature {
  const declared = new Map(file.graph.input.map(({ name, type }) => [name, shapeOf(type)]));
  const inputs = session.inputMetadata.map((meta) => {
    if (!meta.isTensor || !isDtype(meta.type)) throw unsupportedInput(meta.name);
    return { name: meta.name, dtype: meta.type, shape: specShape(meta.shape, declared.get(meta.name) !== undefined) };
  });
  const outputMeta = new Map(session.outputMetadata.map((meta) => [meta.name, meta]));
  return { inputs, outputs: plans.map((plan) => outputSpec(plan, outputMeta.get(plan.fetch[0] ?? ''))) };
}

function outputSpec(plan: OutputPlan, meta: Ort.InferenceSession.ValueMetadata | undefined): OutputSpec {
  const { name, kind, labels } = plan;
  const found: Dtype | undefined = plan.dtype ?? (meta?.isTensor && isDtype(meta.type) ? meta.type : undefined);
  if (found === undefined) throw new BoxError('unprocessable', `Cannot run model: output ${name} has no known type`);
  const isOneTensor = kind === 'tensor' || kind === 'class-map';
  const shape = isOneTensor && meta?.isTensor ? specShape(meta.shape, plan.hasShape) : undefined;
  return { name, kind, dtype: found, shape, ...(labels && { labels }) };
}

/** ONNX Runtime gives the same empty shape to a scalar and to a tensor of any number of dimensions. */
function specShape(shape: readonly (number | string)[], known: boolean): InputSpec['shape'] {
  if (shape.length === 0 && !known) return undefined;
  return shape.map((size) => (size === '' ? null : size));
}

function unsupportedInput(name: string): BoxError {
  return new BoxError('unprocessable', `Cannot run model: input ${JSON.stringify(name)} has a type that is not known`);
}

function missingInput(spec: InputSpec): never {
  throw new BoxError('invalid_argument', `Cannot run model: input ${JSON.stringify(spec.name)} must be given`);
}

async function runSession(session: Ort.InferenceSession, feeds: Record<string, Ort.Tensor>, fetches: string[]) {
  try {
    return await session.run(feeds, fetches);
  } catch (cause) {
    const text = errorText(cause);
    if (/alloc/i.test(text) && /fail|bad/i.test(text)) {
      throw new BoxError('resource_exhausted', `Cannot run model: not enough memory: ${text}`, { cause });
    }
    throw new BoxError('invalid_argument', `Cannot run model: ONNX Runtime refuses the input: ${text}`, { cause });
  }
}

function toOrt(ort: typeof Ort, tensor: Tensor): Ort.Tensor {
  // The library's overloads name every pair of type and array; ours are such pairs by construction.
  const Make = ort.Tensor as unknown as new (type: Dtype, data: unknown, dims: readonly number[]) => Ort.Tensor;
  const made = new Make(tensor.dtype, tensor.data, tensor.shape);
  // The library wraps the bits in a Float16Array where there is one (Node 24), which its own native part (1.30) does
  // not know: "not enough space: expected 4, got 0". It takes the bits as they are.
  if (tensor.dtype === 'float16') Reflect.set(made, 'cpuData', tensor.data);
  return made;
}

function fromOrt(value: Ort.OnnxValue | undefined): Tensor {
  if (value === undefined || !('dims' in value)) throw new BoxError('internal', 'Cannot read output: it is no tensor');
  const { type, dims, data } = value;
  if (!isDtype(type)) throw new BoxError('internal', `Cannot read output: type ${type} is not known`);
  if (type === 'string') return { dtype: type, shape: dims, data: data as readonly string[] };
  // Node 24 has Float16Array, and ONNX Runtime returns it; ours holds the bits.
  const array = data as NumericData;
  if (type === 'float16' && !(array instanceof Uint16Array)) {
    const { buffer, byteOffset, length } = array as NumericData;
    return { dtype: type, shape: dims, data: new Uint16Array(buffer, byteOffset, length) };
  }
  return { dtype: type, shape: dims, data: array };
}

function gatherOutput(plan: OutputPlan, results: Ort.InferenceSession.ReturnType): OutputValue {
  const [first, second, third] = plan.fetch.map((name) => results[name]);
  const head = fromOrt(first);
  if (plan.kind === 'optional') return head.data[0] ? fromOrt(second) : null;
  if (plan.kind === 'sequence') return splitSequence(head, fromOrt(second), fromOrt(third));
  return head;
}

function splitSequence(flat: Tensor, shapes: Tensor, ranks: Tensor): Tensor[] {
  let nextSize = 0;
  let nextElement = 0;
  return Array.from({ length: ranks.data.length }, (_, i) => {
    const shape = Array.from({ length: Number(ranks.data[i]) }, () => Number(shapes.data[nextSize++]));
    const begin = nextElement;
    nextElement += shape.reduce((product, size) => product * size, 1);
    return { dtype: flat.dtype, shape, data: flat.data.slice(begin, nextElement) };
  });
}
