/**
 * How the values of a slot become one number. What is known of them so far is a cell: a few numbers of a Float64Array, the
 * first of them how many values there were. An empty cell is all zeros.
 */
export interface Aggregate {
  /** Numbers in a cell. */
  readonly size: number;
  /** What it gives, for the documentation. */
  readonly doc: string;
  /** Adds a value that was measured at a time. */
  add(cells: Float64Array, at: number, time: number, value: number): void;
  /** Adds what another cell knows, which is not empty. */
  merge(cells: Float64Array, at: number, others: Float64Array, otherAt: number): void;
  /** The number of a cell that is not empty. */
  result(cells: Float64Array, at: number): number;
}

type Pick = (kept: number, value: number) => number;

/** Of a cell `[count, value]`, one of the values. */
function extreme(doc: string, pick: Pick): Aggregate {
  return {
    size: 2,
    doc,
    add: (cells, at, _, value) => {
      cells[at + 1] = cells[at] === 0 ? value : pick(num(cells, at + 1), value);
      count(cells, at, 1);
    },
    merge: (cells, at, others, otherAt) => {
      const value = num(others, otherAt + 1);
      cells[at + 1] = cells[at] === 0 ? value : pick(num(cells, at + 1), value);
      count(cells, at, num(others, otherAt));
    },
    result: (cells, at) => num(cells, at + 1),
  };
}

/** Of a cell `[count, sum, what rounding took from it]`: sums are exact to the last digit whatever is added to what. */
function summing(doc: string, result: (sum: number, count: number) => number): Aggregate {
  return {
    size: 3,
    doc,
    add: (cells, at, _, value) => {
      count(cells, at, 1);
      addTo(cells, at + 1, value);
    },
    merge: (cells, at, others, otherAt) => {
      count(cells, at, num(others, otherAt));
      addTo(cells, at + 1, num(others, otherAt + 1));
      if (Number.isFinite(cells[at + 1])) cells[at + 2] = num(cells, at + 2) + num(others, otherAt + 2);
    },
    result: (cells, at) => {
      const sum = num(cells, at + 1);
      return result(Number.isFinite(sum) ? sum + num(cells, at + 2) : sum, num(cells, at));
    },
  };
}

/** Neumaier's sum: like Kahan's, and right as well when what is added is the larger one. */
function addTo(cells: Float64Array, at: number, value: number): void {
  const sum = num(cells, at);
  const next = sum + value;
  const lost = Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
  cells[at] = next;
  if (Number.isFinite(next)) cells[at + 1] = num(cells, at + 1) + lost;
}

/** Of a cell `[count, time, value]`, the value of the first or last time. */
function edge(doc: string, isBefore: (time: number, kept: number) => boolean): Aggregate {
  return {
    size: 3,
    doc,
    add: (cells, at, time, value) => {
      keepEdge(cells, at, at + 1, isBefore, time, value);
      count(cells, at, 1);
    },
    merge: (cells, at, others, otherAt) => {
      keepEdge(cells, at, at + 1, isBefore, num(others, otherAt + 1), num(others, otherAt + 2));
      count(cells, at, num(others, otherAt));
    },
    result: (cells, at) => num(cells, at + 2),
  };
}

function keepEdge(
  cells: Float64Array,
  at: number,
  edgeAt: number,
  isBefore: (time: number, kept: number) => boolean,
  time: number,
  value: number,
): void {
  if (cells[at] !== 0 && !isBefore(time, num(cells, edgeAt))) return;
  cells[edgeAt] = time;
  cells[edgeAt + 1] = value;
}

/** Of values of the same time the first that came is the first, and the last that came the last. */
const isEarlier = (time: number, kept: number) => time < kept;
const isNotEarlier = (time: number, kept: number) => time >= kept;

/** Of a cell `[count, first time, first value, last time, last value]`. */
const DELTA: Aggregate = {
  size: 5,
  doc: 'the last value less the first one of the slot',
  add: (cells, at, time, value) => {
    keepEdge(cells, at, at + 1, isEarlier, time, value);
    keepEdge(cells, at, at + 3, isNotEarlier, time, value);
    count(cells, at, 1);
  },
  merge: (cells, at, others, otherAt) => {
    keepEdge(cells, at, at + 1, isEarlier, num(others, otherAt + 1), num(others, otherAt + 2));
    keepEdge(cells, at, at + 3, isNotEarlier, num(others, otherAt + 3), num(others, otherAt + 4));
    count(cells, at, num(others, otherAt));
  },
  result: (cells, at) => num(cells, at + 4) - num(cells, at + 2),
};

const COUNT: Aggregate = {
  size: 1,
  doc: 'how many values there were; 0 for none, whatever `fill` says',
  add: (cells, at) => count(cells, at, 1),
  merge: (cells, at, others, otherAt) => count(cells, at, num(others, otherAt)),
  result: num,
};

/** Every way to make one number of a slot's values, by its name. */
export const AGGREGATES = {
  sum: summing('their sum', (sum) => sum),
  mean: summing('their mean', (sum, values) => sum / values),
  min: extreme('the smallest', Math.min),
  max: extreme('the largest', Math.max),
  first: edge('the first by time', isEarlier),
  last: edge('the last by time', isNotEarlier),
  count: COUNT,
  delta: DELTA,
} as const satisfies Readonly<Record<string, Aggregate>>;

export type AggregateName = keyof typeof AGGREGATES;

function count(cells: Float64Array, at: number, by: number): void {
  cells[at] = num(cells, at) + by;
}

function num(cells: Float64Array, at: number): number {
  return cells[at] as number;
}
