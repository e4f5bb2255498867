import { BoxError } from '../error/box-error.ts';
import { compileText, type Rule } from './compile.ts';
import type { RuleInputs, RuleScope } from './inputs/rule-scope.ts';
import { DEFAULT_LIMITS, type RuleLimits } from './limits.ts';
import { toText } from './value/text.ts';
import type { Value } from './value/value.ts';

/** A text with expressions of the rule language in it. */
export interface Message {
  readonly source: string;
  /** The text for one message. @throws BoxError `unprocessable` as `Rule.evaluate` does. */
  render(inputs: RuleInputs | RuleScope): string;
}

const FSTRING = /^\s*(?:[fF][rR]?|[rR][fF])(?:"|')/;

/**
 * Compiles the text of a notification: an f-string as Python writes it (`f"…{x:.1f}"`), or its content without prefix
 * and quotes (`…{x:.1f}`), where a backslash is just a backslash.
 *
 * @throws BoxError `invalid_argument` as `compileRule` does; lines and columns are those of the text given.
 */
export function compileMessage(source: string, options: Partial<RuleLimits> = {}): Message {
  const rule = FSTRING.test(source)
    ? compileText({ source, what: 'message', before: '', after: '', plainBackslashes: false }, options)
    : compileContent(source, options);
  return { source, render: (inputs) => valueText(rule.compute(inputs).value) };
}

/** Puts the content into the triple quotes that it does not hold. */
function compileContent(source: string, options: Partial<RuleLimits>): Rule {
  const quotes = ["'''", '"""'].find(
    (candidate) => !source.includes(candidate) && !source.endsWith(candidate[0] as string),
  );
  if (quotes === undefined) {
    throw new BoxError(
      'invalid_argument',
      'Cannot compile the message: it holds both kinds of triple quotes; write it as an f-string',
    );
  }
  return compileText(
    { source, what: 'message', before: `rf${quotes}`, after: quotes, plainBackslashes: true },
    options,
  );
}

/** A rule's value as text, as Python's `str` writes it; at most `maxElements` of the limits are written. */
export function valueText(value: Value, limits: RuleLimits = DEFAULT_LIMITS): string {
  let left = limits.maxElements;
  const meter = {
    take(count: number): void {
      left -= count;
      if (left < 0)
        throw new BoxError(
          'too_large',
          `Cannot show the value: its text is longer than ${limits.maxElements} characters`,
        );
    },
  };
  return toText(value, meter);
}
