import assert from 'node:assert/strict';
import { encode } from 'cbor2';
import { readCbor } from '../../../../functions/ingestion/format/cbor.ts';

describe('readCbor', () => {
  it('reads whole numbers of any sign and of up to 1024 bytes', () => {
    for (const number of [0n, 1n, 2n ** 64n, -(2n ** 64n) - 1n, 2n ** 8191n, -(2n ** 8000n)]) {
      assert.equal(BigInt(readCbor(Buffer.from(encode(number))) as bigint), number);
    }
    assert.equal(readCbor(Buffer.from('c240', 'hex')), 0n);
    assert.equal(readCbor(Buffer.from('c340', 'hex')), -1n);
  });

  it('refuses a whole number of a megabyte, which would hold up the process for hours', () => {
    for (const head of ['c25a00100000', 'c35a00100000']) {
      const bytes = Buffer.concat([Buffer.from(head, 'hex'), Buffer.alloc(1024 * 1024, 0xff)]);
      assert.throws(() => readCbor(bytes), /must be at most 1024 bytes/);
    }
  });
});
