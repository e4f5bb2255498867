import { BoxError } from '../../error/box-error.ts';

/** One thing in a rule that the language does not take. */
export interface Refusal {
  /** Offset in the source. */
  readonly at: number;
  readonly message: string;
  /** The nearest name that would be allowed. */
  readonly nearest?: string;
}

/** Thrown by the parser, which cannot go on after the first thing that it does not understand. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(at: number, message: string, nearest?: string) {
    super(message);
    this.name = 'Refused';
    this.refusal = nearest === undefined ? { at, message } : { at, message, nearest };
  }
}

/** A place in a source, both counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export function placeOf(source: string, offset: number): Place {
  const before = source.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: before.length, column: [...(before.at(-1) ?? '')].length + 1 };
}

/** The error of a rule that is refused: its first fault in the facts, all of them among the problems. */
export function refusalError(source: string, refusals: readonly Refusal[], what: string): BoxError {
  const told = refusals.map((refusal) => ({ ...refusal, ...placeOf(source, refusal.at) }));
  const first = told[0] ?? { line: 1, column: 1, message: 'refused', nearest: undefined };
  const { line, column, nearest } = first;
  return new BoxError('invalid_argument', `Cannot compile ${what}: line ${line}, column ${column}: ${first.message}`, {
    problems: told.map((fault) => ({
      pointer: '',
      message: `line ${fault.line}, column ${fault.column}: ${fault.message}`,
    })),
    facts: { line, column, ...(nearest === undefined ? {} : { nearest }) },
  });
}
