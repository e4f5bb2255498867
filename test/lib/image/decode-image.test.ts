import assert from 'node:assert/strict';
import { decodeImage } from '#lib/image/decode-image.ts';
import { type Image, toGrey, toRgb } from '#lib/image/image.ts';
import { decodePng, encodePng } from '#lib/image/png.ts';
import tables from './tables/pillow.json' with { type: 'json' };

const LIMITS = { maxPixels: 1_000_000 };

function large(channels: Image['channels']): Image {
  const data = Uint8Array.from({ length: 320 * 240 * channels }, (_, i) => (i * i) % 251);
  return { width: 320, height: 240, channels, data };
}

describe('decodeImage', () => {
  for (const row of tables.codec) {
    it(`decodes ${row.name} within one step of what Pillow gives`, async () => {
      const image = await decodeImage(Buffer.from(row.file, 'base64'), LIMITS);
      const grey = row.name.endsWith(' L');
      const data = grey ? toGrey(image).data : toRgb(image).data;
      const wanted = Buffer.from(row.pixels, 'base64');
      assert.equal(data.length, wanted.length);
      const furthest = data.reduce((most, value, i) => Math.max(most, Math.abs(value - (wanted[i] as number))), 0);
      assert.ok(furthest <= 1, `off by ${furthest}`);
    });
  }

  for (const channels of [1, 2, 3, 4] as const) {
    it(`gives the same of a large PNG of ${channels} channels as of a small one`, async () => {
      const png = encodePng(large(channels));
      const image = await decodeImage(png, LIMITS);
      assert.equal(image.channels, channels);
      assert.deepEqual(Buffer.from(image.data), Buffer.from(decodePng(png, LIMITS).data));
    });
  }

  const refused = {
    'no image': [Buffer.from('hello'), 'unprocessable'],
    'no bytes': [Buffer.alloc(0), 'unprocessable'],
    'an SVG': [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'), 'unprocessable'],
    'a JPEG that is cut off': [
      Buffer.from(tables.codec.find((row) => row.name === 'JPEG RGB')?.file ?? '', 'base64').subarray(0, 500),
      'unprocessable',
    ],
    'a large PNG that is cut off': [encodePng(large(3)).subarray(0, 500), 'unprocessable'],
  } as const;
  for (const [name, [bytes, code]] of Object.entries(refused)) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(decodeImage(bytes, LIMITS), { name: 'BoxError', code });
    });
  }

  it('refuses a picture above the limit, whatever its format', async () => {
    const webp = Buffer.from(tables.codec.find((row) => row.name === 'WEBP RGB')?.file ?? '', 'base64');
    await assert.rejects(decodeImage(webp, { maxPixels: 100 }), { code: 'too_large' });
    await assert.rejects(decodeImage(encodePng(large(1)), { maxPixels: 100 }), { code: 'too_large' });
  });
});
