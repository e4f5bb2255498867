import { valueError } from './py-error.ts';

/** A format specification of Python's: `[[fill]align][sign][#][0][width][grouping][.precision][type]`. */
export interface FormatSpec {
  readonly fill: string;
  readonly align: '' | '<' | '>' | '=' | '^';
  readonly sign: '' | '+' | '-' | ' ';
  readonly noNegativeZero: boolean;
  readonly alternate: boolean;
  readonly zero: boolean;
  readonly width: number | undefined;
  readonly grouping: '' | ',' | '_';
  readonly precision: number | undefined;
  readonly type: string;
}

const SPEC = /^(?:([\s\S])?([<>=^]))?([+\- ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

/** @throws PyError ValueError for what Python does not take either. */
export function parseFormatSpec(text: string, type: string): FormatSpec {
  const match = SPEC.exec(text);
  if (match === null) throw valueError(`Invalid format specifier '${text.slice(0, 40)}' for object of type '${type}'`);
  const [, fill, align = '', sign = '', z, alternate, zero, width, grouping = '', precision, code = ''] = match;
  return {
    fill: fill ?? ' ',
    align: align as FormatSpec['align'],
    sign: sign as FormatSpec['sign'],
    noNegativeZero: z !== undefined,
    alternate: alternate !== undefined,
    zero: zero !== undefined,
    width: width === undefined ? undefined : Number(width),
    grouping: grouping as FormatSpec['grouping'],
    precision: precision === undefined ? undefined : Number(precision),
    type: code,
  };
}
