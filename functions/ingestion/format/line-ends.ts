/** Finds the ends of lines in bytes of which more and more come. */
export interface LineEnds {
  /**
   * Looks on in `bytes`, from where the last call stopped (`from`) up to `to`: the place after the next line and its line break; -1 when
   * none is there yet, then it has seen all up to `to`.
   */
  next(bytes: Uint8Array, from: number, to: number): number;
}

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

/** Lines end with a line feed, whatever is in them: JSON writes one in a text as \\n. */
export function plainLineEnds(): LineEnds {
  return {
    next(bytes, from, to) {
      const at = bytes.subarray(from, to).indexOf(LF);
      return at === -1 ? -1 : from + at + 1;
    },
  };
}

type CsvState = 'cell start' | 'plain' | 'quoted' | 'quote in quoted' | 'after CR';

/**
 * Rows of CSV as `readCsv` reads them: a line break within a quoted cell ends none. All of its signs are ASCII, so no byte of a
 * letter in UTF-8 is taken for one.
 */
export function csvRowEnds(separator: string): LineEnds {
  const sign = separator.charCodeAt(0);
  let state: CsvState = 'cell start';
  return {
    next(bytes, from, to) {
      let now = state;
      for (let at = from; at < to; at++) {
        const byte = bytes[at];
        if (now === 'after CR') {
          state = 'cell start';
          return byte === LF ? at + 1 : at;
        }
        if (now === 'quoted') {
          if (byte === QUOTE) now = 'quote in quoted';
        } else if (byte === LF) {
          state = 'cell start';
          return at + 1;
        } else if (byte === CR) now = 'after CR';
        else if (byte === sign) now = 'cell start';
        // It begins a cell, or the one before it said that it is a quote in the cell.
        else if (byte === QUOTE && now !== 'plain') now = 'quoted';
        else now = 'plain';
      }
      state = now;
      return -1;
    },
  };
}
