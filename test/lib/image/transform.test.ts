import assert from 'node:assert/strict';
import type { Image } from '#lib/image/image.ts';
import { crop, flip, rotate } from '#lib/image/transform.ts';
import tables from './tables/pillow.json' with { type: 'json' };

function image(base64: string, channels = 1): Image {
  const data = Uint8Array.from(Buffer.from(base64, 'base64'));
  return { width: 13, height: 9, channels: channels as Image['channels'], data };
}

describe('rotate', () => {
  for (const row of tables.rotate) {
    it(`gives Pillow's pixels at ${row.degrees} degrees of ${row.channels} channels`, () => {
      assert.equal(Buffer.from(rotate(image(row.from, row.channels), row.degrees).data).toString('base64'), row.pixels);
    });
  }
});

describe('crop', () => {
  for (const row of tables.crop) {
    it(`gives Pillow's pixels of the box ${row.box.join(', ')}`, () => {
      const [left, top, right, bottom] = row.box as [number, number, number, number];
      const cropped = crop(image(row.from), left, top, right - left, bottom - top);
      assert.equal(Buffer.from(cropped.data).toString('base64'), row.pixels);
    });
  }
});

describe('flip', () => {
  it('turns left to right, channels in their order', () => {
    const flipped = flip({ width: 2, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    assert.deepEqual([...flipped.data], [4, 5, 6, 1, 2, 3]);
  });
});
