import { BoxError } from '#lib/error/box-error.ts';
import { numberAt, type Tensor } from '#lib/tensor/tensor.ts';

/**
 * The likeliest classes of every row, as the protocol's classification extension writes them: `score:place`, and
 * `score:place:label` where there are labels.
 *
 * @throws BoxError `invalid_argument` for text, which has no scores
 */
export function classificationTensor(tensor: Tensor, classes: number, labels: readonly string[]): Tensor {
  if (tensor.dtype === 'string') {
    throw new BoxError('invalid_argument', 'Cannot classify output: it must have numbers, got text');
  }
  const rows = tensor.shape.length > 1 ? (tensor.shape[0] ?? 0) : 1;
  const width = rows === 0 ? 0 : tensor.data.length / rows;
  const count = Math.min(classes, width);
  const texts: string[] = [];
  for (let row = 0; row < rows; row++) {
    const places = Array.from({ length: width }, (_, i) => i);
    const score = (place: number) => numberAt(tensor, row * width + place);
    places.sort((a, b) => score(b) - score(a) || a - b);
    for (const place of places.slice(0, count)) {
      const label = labels[place];
      texts.push(`${score(place).toFixed(6)}:${place}${label === undefined ? '' : `:${label}`}`);
    }
  }
  return { dtype: 'string', shape: tensor.shape.length > 1 ? [rows, count] : [count], data: texts };
}
