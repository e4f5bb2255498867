import type { Evaluation } from '../evaluation.ts';
import { compare } from '../value/compare.ts';
import { truth } from '../value/truth.ts';
import type { Value } from '../value/value.ts';

type Measure = (item: Value, evaluation: Evaluation) => Value;

/** Items in Python's order: stable, also when reversed; asked only `<`, as Python asks. */
export function sortValues(
  items: readonly Value[],
  measure: Measure | undefined,
  reverse: boolean,
  evaluation: Evaluation,
): Value[] {
  const measured = items.map((item) => ({ item, by: measure === undefined ? item : measure(item, evaluation) }));
  const less = (x: Value, y: Value): boolean => {
    evaluation.spend(1);
    return truth(compare('<', x, y, evaluation));
  };
  // Reversing before and after keeps equal items in their order.
  if (reverse) measured.reverse();
  measured.sort((a, b) => (less(b.by, a.by) ? 1 : less(a.by, b.by) ? -1 : 0));
  if (reverse) measured.reverse();
  return measured.map(({ item }) => item);
}
