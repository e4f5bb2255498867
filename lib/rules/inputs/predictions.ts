import type { Value } from '../value/value.ts';
import { readData, readScalar } from './read-data.ts';

/** One output of a model as a message carries it. */
export interface PredictionInput {
  /** A tensor (in memory or as messages carry it), nested lists, or lists of maps as scikit-learn's ZipMap gives. */
  readonly data: unknown;
  readonly class_label?: unknown;
  readonly probability?: unknown;
}

/** A prediction object of a rule: `.data`, `.class_label`, `.probability`. Its data is read when first asked for. */
export class Prediction {
  private readonly input: PredictionInput;
  private read: Value | undefined;

  constructor(input: PredictionInput) {
    this.input = input;
  }

  get classLabel(): Value {
    const label = this.input.class_label;
    return typeof label === 'string' ? label : readScalar(label);
  }

  get probability(): Value {
    return readScalar(this.input.probability, 'float');
  }

  get data(): Value {
    if (this.read === undefined) this.read = readData(this.input.data);
    return this.read;
  }

  get typeName(): string {
    return 'Prediction';
  }
}

/** `prediction` of a rule: looked up by output name; iterating it yields the prediction objects, as the original's did. */
export class Predictions {
  readonly byName: ReadonlyMap<string, Prediction>;

  constructor(inputs: Readonly<Record<string, PredictionInput>>) {
    const byName = new Map<string, Prediction>();
    for (const name of Object.keys(inputs)) byName.set(name, new Prediction(inputs[name] as PredictionInput));
    this.byName = byName;
  }

  get size(): number {
    return this.byName.size;
  }

  get typeName(): string {
    return 'Predictions';
  }
}
