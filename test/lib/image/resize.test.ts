import assert from 'node:assert/strict';
import { type Image, toGrey } from '#lib/image/image.ts';
import { type Filter, resize } from '#lib/image/resize.ts';
import tables from './tables/pillow.json' with { type: 'json' };

function bytes(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, 'base64'));
}

describe('resize', () => {
  for (const row of tables.resize) {
    it(`gives Pillow's pixels of ${row.name}`, () => {
      const image: Image = { width: 13, height: 9, channels: row.channels as 1 | 3, data: bytes(row.from) };
      const resized = resize(image, row.width, row.height, row.filter as Filter);
      assert.deepEqual(resized.data, bytes(row.pixels));
    });
  }

  it('hands back the same picture for the same size', () => {
    const image: Image = { width: 2, height: 1, channels: 1, data: Uint8Array.of(1, 2) };
    assert.equal(resize(image, 2, 1), image);
  });
});

describe('toGrey', () => {
  for (const row of tables.grey) {
    it(`gives Pillow's grey of ${row.name}`, () => {
      const channels = row.name.length as Image['channels'];
      assert.deepEqual(toGrey({ width: 13, height: 9, channels, data: bytes(row.from) }).data, bytes(row.pixels));
    });
  }
});
