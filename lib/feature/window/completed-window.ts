import type { BoxError } from '../../error/box-error.ts';
import type { Signal, SignalAttribute } from '../signal.ts';
import { fault, type Numbers } from '../value.ts';
import type { WindowSpec } from './window-spec.ts';
import type { Completed, Row, WindowState } from './window-state.ts';

/** A window that is complete, as the signal that features are made of. */
export class CompletedWindow implements Signal {
  readonly form = 'json';
  /** When its first row begins and its last one ends, ISO 8601. */
  readonly start: string;
  readonly end: string;
  readonly #rows: readonly Row[];
  readonly #spec: WindowSpec;
  readonly #group: string;
  #json: Readonly<Record<string, unknown>> | undefined;

  constructor(rows: readonly Row[], spec: WindowSpec, group: string) {
    const values = new Float64Array(spec.columns.length).fill(spec.pad ?? 0);
    const [first] = rows;
    // Before there was a row there are such; they take no time.
    const padding = Array.from({ length: spec.rows - rows.length }, () => ({ start: 0, end: 0, values }));
    this.#rows = [...padding, ...rows];
    this.#spec = spec;
    this.#group = group;
    this.start = iso(first?.start);
    this.end = iso(rows.at(-1)?.end);
  }

  json(): Readonly<Record<string, unknown>> {
    this.#json ??= {
      rows: this.#rows.map(({ values }) => Array.from(values)),
      columns: Object.fromEntries(this.#spec.columns.map(({ name }, i) => [name, this.#column(i)])),
      start: this.start,
      end: this.end,
      source: this.#group,
    };
    return this.#json;
  }

  field(name: string): unknown {
    const column = this.#spec.columns.findIndex((each) => each.name === name);
    if (column !== -1) return this.#column(column);
    return Object.hasOwn(this.json(), name) ? this.json()[name] : undefined;
  }

  numbers(name: string): Numbers | undefined {
    const width = this.#spec.columns.length;
    if (name === 'rows') {
      const data = new Float64Array(this.#rows.length * width);
      for (const [i, { values }] of this.#rows.entries()) data.set(values, i * width);
      return { kind: 'numbers', shape: [this.#rows.length, width], data };
    }
    const column = this.#spec.columns.findIndex((each) => each.name === name);
    if (column === -1) return undefined;
    return { kind: 'numbers', shape: [this.#rows.length], data: Float64Array.from(this.#column(column)) };
  }

  text(): string {
    throw noBody();
  }

  bytes(): Uint8Array {
    throw noBody();
  }

  async image(): Promise<never> {
    throw noBody();
  }

  audio(): never {
    throw noBody();
  }

  attribute(name: SignalAttribute): string | undefined {
    if (name === 'time') return this.end;
    return name === 'source' ? this.#group : undefined;
  }

  #column(index: number): number[] {
    return this.#rows.map(({ values }) => values[index] as number);
  }
}

function iso(ms: number | undefined): string {
  return new Date(ms ?? 0).toISOString();
}

function noBody(): BoxError {
  return fault('must be of the rows of the window: it has no body');
}

/** The window that ends with a row; undefined when its rows are not kept any more. */
export function windowAt(
  state: WindowState,
  spec: WindowSpec,
  { last, rows }: Completed,
  group: string,
): CompletedWindow | undefined {
  const end = state.rows.length - (state.made - last);
  return end < rows ? undefined : new CompletedWindow(state.rows.slice(end - rows, end), spec, group);
}
