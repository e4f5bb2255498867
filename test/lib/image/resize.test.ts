import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { cover } from '#lib/image/fit.ts';
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

  it('refuses what would take gigabytes on the way: one column of a million rows made wide, or covering a square', () => {
    const column: Image = { width: 1, height: 1_000_000, channels: 1, data: new Uint8Array(1_000_000) };
    const tooLarge = (error: unknown) => error instanceof BoxError && error.code === 'too_large';
    assert.throws(() => resize(column, 224, 224, 'bicubic'), tooLarge);
    assert.throws(() => cover(column, 224, 224, 'nearest'), tooLarge);
    assert.equal(resize(column, 2, 2, 'area').data.length, 4);
  });

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
