import assert from 'node:assert/strict';
import { readCsv } from '../../../../functions/ingestion/format/csv.ts';

describe('readCsv', () => {
  const rows = (text: string, header?: boolean) => readCsv(text, header).rows;

  it('takes the first row for names unless it is all numbers or it is told otherwise', () => {
    assert.deepEqual(readCsv('a,b\n1,2\n', undefined), { names: ['a', 'b'], rows: [['1', '2']] });
    assert.deepEqual(readCsv('1,-2.5e3\n3,4', undefined).names, undefined);
    assert.deepEqual(readCsv('1,2\n3,4', true), { names: ['1', '2'], rows: [['3', '4']] });
    assert.deepEqual(rows('a,b\nc,d', false), [
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('reads quoted cells with separators, breaks and quotes', () => {
    assert.deepEqual(rows('"a,1","b ""c""","d\r\ne"\r\n,"",\r\n', false), [
      ['a,1', 'b "c"', 'd\r\ne'],
      ['', '', ''],
    ]);
  });

  it('takes any line ending, a mark of byte order, an empty line, and no end of the last line', () => {
    assert.deepEqual(rows('\ufeffa,b\rc,d\r\n\ne,f', false), [
      ['a', 'b'],
      ['c', 'd'],
      ['e', 'f'],
    ]);
    assert.deepEqual(rows('a,b,', false), [['a', 'b', '']]);
  });

  it('sees semicolons and tabs where the first line has no comma', () => {
    assert.deepEqual(readCsv('t;v\n1,5;2', undefined), { names: ['t', 'v'], rows: [['1,5', '2']] });
    assert.deepEqual(rows('a\tb\n1\t2'), [['1', '2']]);
  });

  it('refuses what is no table', () => {
    assert.throws(() => readCsv('', undefined), /must have a row/);
    assert.throws(() => readCsv('a,b\n1', undefined), /row 2 must have 2 cells, got 1/);
    assert.throws(() => readCsv('"a', undefined), /a quoted cell must end/);
    assert.throws(() => readCsv('"a"b,c', undefined), /must end at a separator/);
    assert.throws(() => readCsv('a,a\n1,2', undefined), /none twice/);
  });
});
