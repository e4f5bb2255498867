import assert from 'node:assert/strict';
import { ExtData, encode } from '@msgpack/msgpack';
import { readMsgpack } from '../../../../functions/ingestion/format/msgpack.ts';

const ofEachKind = {
  nothing: null,
  flags: [true, false],
  numbers: [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32, 2 ** 52, -1, -32, -33, -129, -32_769, -(2 ** 31) - 1, 0.5],
  texts: ['', 'a'.repeat(31), 'b'.repeat(32), 'c'.repeat(256), 'd'.repeat(65_536)],
  bytes: [1, 256, 65_536].map((size) => Buffer.alloc(size, 7)),
  lists: [[], new Array(15).fill(1), new Array(16).fill(2), new Array(65_536).fill(3)],
  map: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, { i }])),
  time: new Date(1_700_000_000_123),
};

function encoded(value: unknown): Buffer {
  return Buffer.from(encode(value));
}

describe('readMsgpack', () => {
  it('reads what an encoder writes, of every kind and length', () => {
    assert.deepEqual(readMsgpack(encoded(ofEachKind)), ofEachKind);
  });

  it('reads extensions of every length', () => {
    for (const size of [1, 2, 4, 8, 16, 3, 255, 256, 65_536]) {
      const one = new ExtData(5, Buffer.alloc(size, 9));
      assert.deepEqual(readMsgpack(encoded([one, 'after'])), [one, 'after']);
    }
  });

  it('refuses what nests deeper than a signal may, before it is decoded', () => {
    const nested = (depth: number, head: readonly number[]) =>
      Buffer.from([...Array.from({ length: depth }, () => head).flat(), 1]);
    for (const head of [[0x91], [0x81, 0xa0], [0xdc, 0, 1], [0xdf, 0, 0, 0, 1, 0xa0]]) {
      readMsgpack(nested(64, head));
      assert.throws(() => readMsgpack(nested(100, head)), /must not nest so deep/);
    }
    // Many side by side are not deep.
    assert.equal((readMsgpack(encoded(new Array(1000).fill([[], {}, [1, [2]]]))) as unknown[]).length, 1000);
  });

  it('refuses lists and maps that say they have more items than there are bytes, before room is made for them', () => {
    for (const head of [0xdd, 0xdf]) {
      // Each of these took a quarter of a gigabyte.
      const nested = Buffer.concat(Array.from({ length: 40 }, () => Buffer.from([head, 0x01, 0xff, 0xff, 0xff])));
      assert.throws(() => readMsgpack(nested), /must have all the items/);
    }
    for (const hex of ['93', '9301', '8201', 'dc000201', 'de0001a161']) {
      assert.throws(() => readMsgpack(Buffer.from(hex, 'hex')), Error);
    }
  });
});
