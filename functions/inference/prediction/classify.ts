import { numberAt, type Tensor } from '#lib/tensor/tensor.ts';
import type { OutputSpec, OutputValue } from '../model/model.ts';

/** The class that an output stands for, and how sure the model is of it. */
export interface ClassFound {
  readonly class_label: string;
  readonly probability?: number;
}

interface Output {
  readonly spec: OutputSpec;
  readonly value: OutputValue;
}

/**
 * The class of every output that tells one, for a prediction of one row.
 *
 * Scores (floats, as many as there are labels): the label of the highest, with its probability. Numbers that all lie
 * between 0 and 1 are probabilities as they are; others are logits and go through softmax. One number for two labels is
 * the second one's probability. A label output (text or a whole number) is its label, with the probability that the
 * scores beside it give that label.
 */
export function classify(outputs: readonly Output[], classLabels: readonly string[]): (ClassFound | undefined)[] {
  const scores = outputs.map(({ spec, value }) => scoresOf(spec, value, classLabels));
  const beside = scores.find((found) => found !== undefined);
  return outputs.map(({ spec, value }, i) => {
    const own = scores[i];
    return own === undefined ? labelOf(spec, value, classLabels, beside) : best(own);
  });
}

interface Scores {
  /** What the model itself calls its classes. */
  readonly keys: readonly string[] | undefined;
  readonly labels: readonly string[];
  readonly probabilities: readonly number[];
}

function scoresOf(spec: OutputSpec, value: OutputValue, classLabels: readonly string[]): Scores | undefined {
  if (!isOneTensor(value) || !spec.dtype.startsWith('float')) return undefined;
  const count = value.data.length;
  const keys = spec.kind === 'class-map' ? spec.labels : undefined;
  const labels = classLabels.length === count ? classLabels : (keys ?? classLabels);
  const numbers = Array.from({ length: count }, (_, i) => numberAt(value, i));
  const [only] = numbers;
  if (count === 1 && only !== undefined && classLabels.length === 2 && isProbability(only)) {
    return { keys, labels: classLabels, probabilities: [1 - only, only] };
  }
  if (count === 0 || labels.length !== count || numbers.some(Number.isNaN)) return undefined;
  return { keys, labels, probabilities: numbers.every(isProbability) ? numbers : softmax(numbers) };
}

function isOneTensor(value: OutputValue): value is Tensor {
  return value !== null && !Array.isArray(value);
}

/** Rounding may put a probability a hair outside. */
function isProbability(number: number): boolean {
  return number >= -1e-4 && number <= 1 + 1e-4;
}

function softmax(numbers: readonly number[]): number[] {
  const highest = Math.max(...numbers);
  // Infinity less infinity is no number: the highest count alike, whatever they are.
  const powers = numbers.map((number) => (number === highest ? 1 : Math.exp(number - highest)));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function best({ labels, probabilities }: Scores): ClassFound {
  let at = 0;
  for (let i = 1; i < probabilities.length; i++) if ((probabilities[i] ?? 0) > (probabilities[at] ?? 0)) at = i;
  return { class_label: labels[at] ?? String(at), probability: probabilities[at] ?? 0 };
}

function labelOf(
  spec: OutputSpec,
  value: OutputValue,
  classLabels: readonly string[],
  beside: Scores | undefined,
): ClassFound | undefined {
  if (!isOneTensor(value) || value.data.length !== 1) return undefined;
  const [item] = value.data;
  if (spec.dtype === 'string') return withProbability(String(item), beside?.labels.indexOf(String(item)), beside);
  if (spec.dtype.startsWith('float')) return undefined;
  // scikit-learn's whole-number labels need not count from 0: the keys beside say which is which.
  const place = beside?.keys ? beside.keys.indexOf(String(item)) : Number(item);
  return withProbability(classLabels[place] ?? String(item), place, beside);
}

function withProbability(label: string, place: number | undefined, beside: Scores | undefined): ClassFound {
  const probability = place === undefined ? undefined : beside?.probabilities[place];
  return { class_label: label, ...(probability !== undefined && { probability }) };
}
