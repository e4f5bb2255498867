import { BoxError, errorText, type Problem } from '#lib/error/box-error.ts';
import { isRecord } from '#lib/json/json-object.ts';
import { numberAt, parseTensor, type Tensor } from '#lib/tensor/tensor.ts';
import type { LoadedModel } from '../model/loaded-model.ts';
import type { OutputSpec, OutputValue } from '../model/model.ts';
import { isTensorList } from '../model/onnx/worker-message.ts';
import { fitInput } from '../prediction/fit-input.ts';

/** Inputs and what the model must make of them, nested or compact, by name. */
export interface GoldenSample {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** How far a number may be off: absolutely, and as a part of what is expected. */
  readonly tolerance: number;
}

const DEFAULT_TOLERANCE = 1e-4;

/** Reads samples; pointers are relative to the list. */
export function readGoldenSamples(value: unknown): {
  readonly samples: readonly GoldenSample[];
  readonly problems: readonly Problem[];
} {
  if (!Array.isArray(value)) return { samples: [], problems: [{ pointer: '', message: 'must be a list of samples' }] };
  const samples: GoldenSample[] = [];
  const problems: Problem[] = [];
  value.forEach((item: unknown, i) => {
    if (isRecord(item) && isRecord(item.inputs) && isRecord(item.outputs) && isTolerance(item.tolerance)) {
      samples.push({ inputs: item.inputs, outputs: item.outputs, tolerance: item.tolerance ?? DEFAULT_TOLERANCE });
    } else
      problems.push({ pointer: `/${i}`, message: 'must be { inputs, outputs, tolerance? }, a tolerance of 0 or more' });
  });
  return { samples, problems };
}

function isTolerance(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && value >= 0);
}

/**
 * Runs a model on its samples.
 *
 * @throws BoxError `unprocessable` naming the sample, the output and the element that is off
 */
export async function checkGolden(model: LoadedModel, samples: readonly GoldenSample[]): Promise<void> {
  for (const [i, sample] of samples.entries()) {
    const failure = await failureOf(model, sample);
    if (failure === undefined) continue;
    throw new BoxError('unprocessable', `Cannot accept model: golden sample ${i} must pass: ${failure}`);
  }
}

async function failureOf(model: LoadedModel, sample: GoldenSample): Promise<string | undefined> {
  const { inputs, outputs } = model.signature;
  try {
    const given = inputs.map((spec) => fitInput(sample.inputs[spec.name], spec, undefined));
    const result = await model.submit(given);
    for (const [name, expected] of Object.entries(sample.outputs)) {
      const place = outputs.findIndex((spec) => spec.name === name);
      const spec = outputs[place];
      if (spec === undefined) return `the model has no output ${JSON.stringify(name)}`;
      const difference = differenceOf(expected, spec, result.outputs[place] ?? null, sample.tolerance);
      if (difference !== undefined) return `output ${JSON.stringify(name)} ${difference}`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof BoxError && error.code === 'invalid_argument') return errorText(error);
    throw error;
  }
}

function differenceOf(expected: unknown, spec: OutputSpec, got: OutputValue, tolerance: number): string | undefined {
  if (got === null || isTensorList(got)) return 'must be a tensor';
  const isWire = typeof expected === 'object' && expected !== null && !Array.isArray(expected);
  const wanted = parseTensor(expected, isWire ? {} : { dtype: spec.dtype });
  if (wanted.data.length !== got.data.length) return `must have ${wanted.data.length} elements, got ${got.data.length}`;
  for (let i = 0; i < got.data.length; i++) {
    if (!isClose(wanted, got, i, tolerance)) return `element ${i} must be ${wanted.data[i]}, got ${got.data[i]}`;
  }
  return undefined;
}

function isClose(wanted: Tensor, got: Tensor, i: number, tolerance: number): boolean {
  if (wanted.dtype === 'string' || got.dtype === 'string') return wanted.data[i] === got.data[i];
  const [a, b] = [numberAt(wanted, i), numberAt(got, i)];
  return Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a));
}
