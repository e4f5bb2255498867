import { PyDict } from '../value/hashed.ts';
import { PyFloat, type Value } from '../value/value.ts';
import { type PredictionInput, Predictions } from './predictions.ts';
import { readData } from './read-data.ts';

/** What a rule sees of one message. */
export interface RuleInputs {
  /** The model's outputs by name. */
  readonly prediction: Readonly<Record<string, PredictionInput>>;
  /** The signal source's name. */
  readonly source?: string;
  /** The message's own time, in seconds since 1970. */
  readonly time?: number;
  /** The features that the predictions were made from, by name. */
  readonly features?: Readonly<Record<string, unknown>>;
}

/** The inputs as the values of rules, read once for all rules of a message. */
export class RuleScope {
  readonly prediction: Predictions;
  readonly source: Value;
  readonly time: Value;
  private readonly featureInputs: Readonly<Record<string, unknown>>;
  private readFeatures: PyDict | undefined;

  constructor(inputs: RuleInputs) {
    this.prediction = new Predictions(inputs.prediction);
    this.source = inputs.source ?? null;
    this.time = inputs.time === undefined ? null : new PyFloat(inputs.time);
    this.featureInputs = inputs.features ?? {};
  }

  get features(): PyDict {
    if (this.readFeatures === undefined) {
      const features = new PyDict();
      for (const [name, data] of Object.entries(this.featureInputs)) features.set(name, readData(data));
      this.readFeatures = features;
    }
    return this.readFeatures;
  }
}
