import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';
import type { RuleLimits } from '../limits.ts';
import { toExpression } from './convert.ts';
import { Refused } from './refusal.ts';
import type { Expression } from './syntax.ts';

/** Made when the first rule is read: the grammar's tables take 5 MB of a process. */
let strictParser: typeof parser | undefined;

/**
 * The one expression that a source holds. The grammar is @lezer/python's; what it takes and rules do not (statements,
 * lambda, walrus, star arguments, …) is refused on the way to our own tree.
 *
 * @param readAs what the grammar is given: the source, with nothing changed but characters that it does not understand.
 * @throws Refused at the first thing that is no expression of the language.
 */
export function parseExpression(source: string, readAs: string, limits: RuleLimits): Expression {
  if (source.length > limits.maxSourceLength) {
    throw new Refused(0, `a rule may have ${limits.maxSourceLength} characters, this one has ${source.length}`);
  }
  if (source.trim() === '') throw new Refused(0, 'a rule must hold an expression, this one is empty');
  checkBrackets(source, limits);
  // Python's eval takes leading blanks, the grammar would take them for an indented block.
  const blank = /^[ \t\f\n\r]*/.exec(source)?.[0].length ?? 0;
  const text = source.slice(blank);
  const readable = readAs.slice(blank).replace(BARE_POINT, asDigits);
  return toExpression(expressionNode(readable, blank), {
    source: text,
    shift: blank,
    limits,
  });
}

/** `5.` and `5.e3`, which the grammar does not know: to it they are numbers of as many digits, and read as they are later. */
const BARE_POINT = /(?<![\w.])\d[\d_]*\.(?:[eE][+-]?\d[\d_]*)?(?![\w.])/g;

function asDigits(number: string): string {
  return '1'.repeat(number.length);
}

/** Counts brackets before the parser runs: text in strings counts too, which only makes the bound a little tighter. */
function checkBrackets(source: string, limits: RuleLimits): void {
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const char = source[i];
    if (char === '(' || char === '[' || char === '{') depth++;
    else if (char === ')' || char === ']' || char === '}') depth = Math.max(0, depth - 1);
    if (depth > limits.maxNesting * 2) throw new Refused(i, `an expression may nest ${limits.maxNesting} deep`);
  }
}

function expressionNode(text: string, shift: number): SyntaxNode {
  const script = parseStrictly(text, shift).topNode;
  const statements: SyntaxNode[] = [];
  for (let child = script.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== 'Comment') statements.push(child);
  }
  const [first, second] = statements;
  if (first === undefined) throw new Refused(shift, 'a rule must hold an expression, this one is empty');
  if (first.name === 'AssignStatement') {
    throw new Refused(assignmentAt(first) + shift, 'a rule cannot assign; write == to compare');
  }
  if (first.name !== 'ExpressionStatement')
    throw new Refused(first.from + shift, 'a rule is one expression, not a statement');
  if (second !== undefined) throw new Refused(second.from + shift, 'a rule is one expression, here another begins');
  return first;
}

function assignmentAt(statement: SyntaxNode): number {
  return statement.getChild('AssignOp')?.from ?? statement.from;
}

function parseStrictly(text: string, shift: number) {
  try {
    strictParser ??= parser.configure({ strict: true });
    return strictParser.parse(text);
  } catch (thrown) {
    const at = Number(/No parse at (\d+)/.exec(thrown instanceof Error ? thrown.message : '')?.[1] ?? Number.NaN);
    if (Number.isNaN(at)) throw thrown;
    throw new Refused(at + shift, syntaxMessage(text, at));
  }
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^&&/, "'&&' is not Python: write and"],
  [/^&/, "'&&' is not Python: write and"],
  [/^\|/, "'||' is not Python: write or"],
  [/^!/, "'!' is not Python: write not"],
  [/^\?/, "'?' is not Python: write x if condition else y"],
];

function syntaxMessage(text: string, at: number): string {
  const rest = text.slice(at);
  const hint = HINTS.find(([pattern]) => pattern.test(rest));
  if (hint !== undefined) return hint[1];
  if (rest.trim() === '') return 'the expression ends too early';
  return `this is not an expression of Python: unexpected ${JSON.stringify(/^\S{1,20}/.exec(rest.trimStart())?.[0] ?? rest.slice(0, 10))}`;
}
