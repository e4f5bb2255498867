/** The classes of error that evaluating a rule can end in, named as Python names them; `BudgetError` is ours. */
export type PyErrorClass =
  | 'AttributeError'
  | 'BudgetError'
  | 'IndexError'
  | 'KeyError'
  | 'OverflowError'
  | 'TypeError'
  | 'ValueError'
  | 'ZeroDivisionError';

/** An error of the rule's own making while it is evaluated; `Rule.evaluate` turns it into a BoxError with its place. */
export class PyError extends Error {
  readonly pyClass: PyErrorClass;

  constructor(pyClass: PyErrorClass, message: string) {
    super(message);
    this.name = 'PyError';
    this.pyClass = pyClass;
  }
}

export function typeError(message: string): PyError {
  return new PyError('TypeError', message);
}

export function valueError(message: string): PyError {
  return new PyError('ValueError', message);
}

export function indexError(message: string): PyError {
  return new PyError('IndexError', message);
}
