import type { Evaluation } from '../evaluation.ts';
import type { Format, FormatPart, Replacement } from '../language/syntax.ts';
import { formatValue } from '../value/format.ts';
import { toRepr, toText } from '../value/text.ts';
import type { Value } from '../value/value.ts';
import type { Emitter, Run } from './emitter.ts';

type Write = (evaluation: Evaluation) => string;

/** An f-string. */
export function compileFormat(format: Format, emitter: Emitter): Run {
  return compileParts(format.parts, emitter);
}

function compileParts(parts: readonly FormatPart[], emitter: Emitter): Write {
  const writes = parts.map((part) => (typeof part === 'string' ? () => part : compileReplacement(part, emitter)));
  return (evaluation) => {
    let text = '';
    for (const write of writes) text += write(evaluation);
    evaluation.take(text.length);
    return text;
  };
}

function compileReplacement(replacement: Replacement, emitter: Emitter): Write {
  const value = emitter.emit(replacement.value);
  const spec = compileParts(replacement.spec, emitter);
  const { conversion, label, at } = replacement;
  // `{x=}` shows the repr, unless something says otherwise.
  const shown = conversion ?? (label !== '' && replacement.spec.length === 0 ? 'r' : undefined);
  return (evaluation) => {
    const held = value(evaluation);
    const wanted = spec(evaluation);
    evaluation.at = at;
    return label + formatValue(convert(held, shown, evaluation), wanted, evaluation);
  };
}

function convert(value: Value, conversion: Replacement['conversion'], evaluation: Evaluation): Value {
  if (conversion === undefined) return value;
  if (conversion === 's') return toText(value, evaluation);
  const repr = toRepr(value, evaluation);
  return conversion === 'r' ? repr : repr.replace(/[^\x20-\x7e]/gu, escaped);
}

function escaped(char: string): string {
  const code = char.codePointAt(0) as number;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}
