import { BoxError, type Problem } from '#lib/error/box-error.ts';
import type { InferenceDefinition, ModelDescriptor } from '#lib/scenario/scenario.ts';
import { readBuiltinModel } from '../builtin/builtin-model.ts';
import type { LoadedModel, LoadOptions } from '../model/loaded-model.ts';
import type { InputSpec, Signature } from '../model/model.ts';
import { declaredShapes, type ModelRegistry } from '../model/model-registry.ts';
import type { ModelFetcher } from '../model/source/source.ts';
import { fetchModelOf } from '../prediction/scenario-models.ts';
import { checkGolden } from '../serving/golden.ts';
import { type ModelOptions, readModelOptions } from '../serving/model-options.ts';
import { compareDescriptor } from './compare-descriptor.ts';

/** What a model that passed takes and gives. */
export interface VerifiedModel {
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly InputSpec[];
  readonly warnings: readonly Problem[];
}

export interface VerifyOptions {
  readonly fetcher: ModelFetcher;
  readonly registry: ModelRegistry;
  readonly load: LoadOptions;
}

/**
 * Fetches and loads the model that an inference stage names, and holds it against the descriptor.
 *
 * @throws BoxError `unprocessable` with every problem, pointers relative to the stage; `unavailable` and the like when
 *   the source or this function is at fault and another try may go well
 */
export async function verifyModel(definition: InferenceDefinition, options: VerifyOptions): Promise<VerifiedModel> {
  const { model_descriptor: descriptor } = definition;
  if (descriptor.model_type === 'BUILTIN') return { ...plainIo(readBuiltinModel(descriptor)), warnings: [] };
  const { load, golden } = optionsOf(descriptor, options.load);
  const file = await fetchModelOf(definition, options.fetcher).catch((error: unknown) => {
    throw blamed(error, fetchPointer(error, descriptor));
  });
  const ref = { file, options: { ...load, declared: declaredShapes(descriptor.model_input_info) } };
  try {
    return await options.registry.use(ref, async (model) => {
      const found = verified(descriptor, model);
      await checkGolden(model, golden).catch((error: unknown) => {
        throw blamed(error, '/model_descriptor/model_options/golden');
      });
      return found;
    });
  } catch (error) {
    throw blamed(error, '/model_descriptor/model_location');
  }
}

function verified(descriptor: ModelDescriptor, { signature, trial }: LoadedModel): VerifiedModel {
  const { problems, warnings: differences } = compareDescriptor(descriptor, signature, trial.outputShapes);
  const all = [...problems];
  const warnings = [...differences];
  // A wrong name or shape explains a failed trial already.
  if (trial.failure && problems.length === 0) {
    if (trial.contradicts) all.push(contradiction(trial.failure));
    else warnings.push(notTried(trial.failure));
  }
  if (all.length > 0) throw refusal(all);
  return { ...plainIo(signature), warnings };
}

function plainIo({ inputs, outputs }: Signature): Pick<VerifiedModel, 'inputs' | 'outputs'> {
  const plain = ({ name, dtype, shape }: InputSpec): InputSpec => ({ name, dtype, shape });
  return { inputs: inputs.map(plain), outputs: outputs.map(plain) };
}

function optionsOf({ model_options = {} }: ModelDescriptor, defaults: LoadOptions): ModelOptions {
  const { options, problems } = readModelOptions(model_options, defaults);
  const place = '/model_descriptor/model_options';
  if (problems.length > 0) {
    throw refusal(problems.map(({ pointer, message }) => ({ pointer: `${place}${pointer}`, message })));
  }
  return options;
}

function contradiction(failure: BoxError): Problem {
  return {
    pointer: '/model_descriptor/model_input_info',
    message: `the model must run on input of the shape that it declares, but zeros of that shape fail: ${failure.message}`,
  };
}

function notTried(failure: BoxError): Problem {
  const message = `the model could not be tried out: it fails on zeros and empty text (${failure.message})`;
  return { pointer: '/model_descriptor/model_input_info', message };
}

function fetchPointer(error: unknown, { model_location, model_type }: ModelDescriptor): string {
  if (model_location === undefined) return '/model_descriptor';
  // Nothing here converts graphs: the type is what cannot be had, whatever the graph is like.
  const cause = error instanceof BoxError ? error.cause : undefined;
  const isType = model_type === 'TENSORFLOW' && cause instanceof BoxError && cause.code === 'not_implemented';
  if (isType) return '/model_descriptor/model_type';
  const isHash = error instanceof BoxError && error.message.includes('SHA-256');
  return `/model_descriptor/${isHash ? 'model_sha256' : 'model_location'}`;
}

/** Errors that the definition is to blame for, and not this moment. */
const DEFINITIONS_FAULT = new Set(['unprocessable', 'not_found', 'permission_denied', 'too_large', 'invalid_argument']);

function blamed(thrown: unknown, pointer: string): BoxError {
  const error = BoxError.from(thrown);
  if (!DEFINITIONS_FAULT.has(error.code) || error.problems.length > 0) return error;
  return refusal([{ pointer, message: error.message }], thrown);
}

function refusal(problems: readonly Problem[], cause?: unknown): BoxError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more, see errors)` : '';
  const text = `Cannot accept model: ${first?.pointer} ${first?.message}${more}`;
  return new BoxError('unprocessable', text, { problems, cause });
}
