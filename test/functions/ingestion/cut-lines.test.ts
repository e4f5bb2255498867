import assert from 'node:assert/strict';
import { type CutRules, cutLines, type LinesPart } from '../../../functions/ingestion/door/cut-lines.ts';
import { csvRules, readCsv } from '../../../functions/ingestion/format/csv.ts';

const NDJSON: CutRules = {
  format: 'ndjson',
  contentType: 'application/x-ndjson',
  maxPartBytes: 40,
  maxPartLines: 10_000,
};
const CSV: CutRules = { ...NDJSON, format: 'csv', contentType: 'text/csv' };

/** A body in pieces of so many bytes. */
async function* pieces(body: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

async function allOf(parts: AsyncIterable<LinesPart>): Promise<LinesPart[]> {
  const all: LinesPart[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

/** The parts of a body, which are the same in whatever pieces it comes. */
async function cut(text: string, rules: CutRules): Promise<LinesPart[]> {
  const body = Buffer.from(text);
  const whole = await allOf(cutLines(pieces(body, body.length), rules));
  for (const size of [1, 2, 3, 7, 64]) {
    assert.deepEqual(await allOf(cutLines(pieces(body, size), rules)), whole, `in pieces of ${size}`);
  }
  for (const part of whole) assert.ok(part.body.length <= rules.maxPartBytes);
  assert.ok((whole.at(-1)?.upTo.bytes ?? 0) <= body.length);
  return whole;
}

const texts = (parts: readonly LinesPart[]) => parts.map(({ body }) => body.toString());

describe('cutLines', () => {
  it('cuts NDJSON after line feeds, as late as it can, and never within a letter of several bytes', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => `{"ä€😀":"${'ß'.repeat(i % 7)}"}\r\n`);
    const parts = await cut(lines.join(''), NDJSON);
    assert.equal(texts(parts).join(''), lines.join(''));
    for (const { body } of parts) {
      assert.ok(body.toString().endsWith('}\r\n'));
      assert.doesNotThrow(() => new TextDecoder('utf-8', { fatal: true }).decode(body));
    }
    assert.deepEqual(parts.at(-1)?.upTo, { bytes: Buffer.byteLength(lines.join('')), lines: 20 });
    assert.ok(parts.every(({ body }, i) => body.length + (parts[i + 1]?.body.indexOf(0x0a) ?? 40) + 1 > 40));
  });

  it('takes a last line without a line end, and leaves out parts of blank lines', async () => {
    assert.deepEqual(texts(await cut(`${'1'.repeat(38)}\n22`, NDJSON)), [`${'1'.repeat(38)}\n`, '22']);
    const parts = await cut(`${'1'.repeat(39)}\n${'\r\n'.repeat(40)}3`, NDJSON);
    assert.deepEqual(texts(parts), [`${'1'.repeat(39)}\n`, '3']);
    assert.deepEqual(parts.at(-1)?.upTo, { bytes: 121, lines: 42 });
    assert.deepEqual(await cut('\n'.repeat(100), NDJSON), []);
    assert.deepEqual(await cut('', NDJSON), []);
  });

  it('cuts after so many lines as well', async () => {
    assert.deepEqual(texts(await cut('1\n2\n3\n4\n5', { ...NDJSON, maxPartLines: 2 })), ['1\n2\n', '3\n4\n', '5']);
  });

  it('refuses a line that is longer than a part by its number', async () => {
    const told = { code: 'too_large', message: /line 3 is longer than the 40 bytes/, facts: { line: 3 } };
    await assert.rejects(allOf(cutLines(pieces(Buffer.from(`1\n2\n${'3'.repeat(41)}\n`), 8), NDJSON)), told);
    const row = Buffer.from(`a,b\n1,2\n${'3'.repeat(40)},4\n`);
    await assert.rejects(allOf(cutLines(pieces(row, 8), CSV)), told);
    const first = Buffer.from(`a,b\n${'3'.repeat(40)},4\n`);
    await assert.rejects(allOf(cutLines(pieces(first, 8), CSV)), { facts: { line: 2 } });
    await assert.rejects(allOf(cutLines(pieces(Buffer.alloc(100, 'x'), 8), CSV)), { facts: { line: 1 } });
  });

  it('a line that just fits is taken', async () => {
    const line = `${'1'.repeat(39)}\n`;
    assert.deepEqual(texts(await cut(line.repeat(3), NDJSON)), [line, line, line]);
  });

  it('repeats the header of CSV at the head of each part, and reads the same rows as from the whole', async () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const rows = Array.from({ length: 12 }, (_, i) => `${i},"${i}${end}""é,",x`);
      const text = `\ufeff"n${end}1",b,c${end}${rows.join(end)}${end}`;
      const parts = await cut(text, { ...CSV, maxPartBytes: 50 });
      assert.ok(parts.length > 3);
      const whole = readCsv(text, undefined);
      const read = texts(parts).map((part) => readCsv(part, undefined));
      assert.deepEqual(
        read.flatMap(({ rows }) => rows),
        whole.rows,
      );
      for (const { names } of read) assert.deepEqual(names, whole.names);
      assert.deepEqual(new Set(parts.map(({ contentType }) => contentType)), new Set(['text/csv']));
      assert.deepEqual(parts.at(-1)?.upTo, { bytes: Buffer.byteLength(text), lines: 13 });
    }
  });

  it('a quote within a cell that is not quoted is a letter like others', async () => {
    const text = `h,i\n${'1,5" wide\n'.repeat(10)}`;
    const parts = await cut(text, CSV);
    assert.equal(
      texts(parts)
        .map((part) => part.slice(4))
        .join(''),
      text.slice(4),
    );
  });

  it('CSV without a header stays without one, whatever row a part begins with, and keeps its separator', async () => {
    const rows = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? `${i};2` : `a,${i};`));
    const text = `${rows.join('\n')}\n`;
    const parts = await cut(text, CSV);
    const read = parts.flatMap(({ body, contentType }) => {
      const { header, separator } = csvRules(contentType, 'csv');
      return readCsv(body.toString(), header, separator).rows;
    });
    assert.deepEqual(read, readCsv(text, undefined).rows);
    assert.equal(texts(parts).join(''), text);
    assert.equal(parts[0]?.contentType, 'text/csv; header=absent; separator=semicolon');
    const told = await cut(`a,b\n${'1,2\n'.repeat(20)}`, { ...CSV, contentType: 'text/csv; header=absent' });
    assert.ok(told.every(({ body, contentType }) => contentType === 'text/csv; header=absent' && body[1] === 0x2c));
    assert.equal(told.filter(({ body }) => body.includes('a,b')).length, 1);
  });

  it('a first row that is no CSV is refused', async () => {
    const body = Buffer.from(`"a"b,c\n${'1,2\n'.repeat(20)}`);
    await assert.rejects(allOf(cutLines(pieces(body, 8), CSV)), {
      code: 'invalid_argument',
      message: /its first row must be CSV/,
    });
  });
});
