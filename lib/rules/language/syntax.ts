import type { ArithmeticOp, CompareOp } from '../array/scalar-operation.ts';
import type { UnaryOp } from '../value/unary.ts';
import type { Value } from '../value/value.ts';

/** Every part of a rule knows its offset in the source. */
interface Placed {
  readonly at: number;
}

export interface Constant extends Placed {
  readonly type: 'constant';
  readonly value: Value;
}

export interface Name extends Placed {
  readonly type: 'name';
  readonly id: string;
}

export interface Attribute extends Placed {
  readonly type: 'attribute';
  readonly object: Expression;
  readonly name: string;
}

export interface Subscript extends Placed {
  readonly type: 'subscript';
  readonly object: Expression;
  readonly key: Expression;
}

/** A slice inside square brackets. */
export interface Slice extends Placed {
  readonly type: 'slice';
  readonly lower: Expression | undefined;
  readonly upper: Expression | undefined;
  readonly step: Expression | undefined;
}

export interface Keyword extends Placed {
  readonly name: string;
  readonly value: Expression;
}

export interface Call extends Placed {
  readonly type: 'call';
  readonly callee: Expression;
  readonly positional: readonly Expression[];
  readonly keywords: readonly Keyword[];
}

export interface Unary extends Placed {
  readonly type: 'unary';
  readonly op: UnaryOp | 'not';
  readonly operand: Expression;
}

export interface Binary extends Placed {
  readonly type: 'binary';
  readonly op: ArithmeticOp | '@';
  readonly left: Expression;
  readonly right: Expression;
}

export type ComparisonOp = CompareOp | 'in' | 'not in' | 'is' | 'is not';

/** A chain `a < b <= c`. */
export interface Comparison extends Placed {
  readonly type: 'comparison';
  readonly first: Expression;
  readonly links: readonly { readonly op: ComparisonOp; readonly right: Expression; readonly at: number }[];
}

export interface Logical extends Placed {
  readonly type: 'logical';
  readonly op: 'and' | 'or';
  readonly operands: readonly Expression[];
}

export interface Conditional extends Placed {
  readonly type: 'conditional';
  readonly test: Expression;
  readonly yes: Expression;
  readonly no: Expression;
}

export interface Items extends Placed {
  readonly type: 'list' | 'tuple' | 'set';
  readonly items: readonly Expression[];
}

export interface Dict extends Placed {
  readonly type: 'dict';
  readonly entries: readonly (readonly [Expression, Expression])[];
}

/** What a loop assigns to: a name, or names in parentheses that each take one item. */
export type Target = Name | { readonly type: 'targets'; readonly items: readonly Target[]; readonly at: number };

export interface Clause extends Placed {
  readonly target: Target;
  readonly iterable: Expression;
  readonly conditions: readonly Expression[];
}

export interface Comprehension extends Placed {
  readonly type: 'comprehension';
  readonly kind: 'list' | 'set' | 'dict' | 'generator';
  /** The item, or the key of a dict. */
  readonly element: Expression;
  /** The value of a dict. */
  readonly value: Expression | undefined;
  readonly clauses: readonly Clause[];
}

export interface Replacement extends Placed {
  readonly type: 'replacement';
  readonly value: Expression;
  readonly conversion: 's' | 'r' | 'a' | undefined;
  readonly spec: readonly FormatPart[];
  /** The source of the expression and its `=`, as `{x=}` shows it. */
  readonly label: string;
}

export type FormatPart = string | Replacement;

/** An f-string. */
export interface Format extends Placed {
  readonly type: 'format';
  readonly parts: readonly FormatPart[];
}

export type Expression =
  | Constant
  | Name
  | Attribute
  | Subscript
  | Slice
  | Call
  | Unary
  | Binary
  | Comparison
  | Logical
  | Conditional
  | Items
  | Dict
  | Comprehension
  | Format;
