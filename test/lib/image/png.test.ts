import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { BoxError } from '#lib/error/box-error.ts';
import { decodePng, encodePng } from '#lib/image/png.ts';
import tables from './tables/pillow.json' with { type: 'json' };

const LIMITS = { maxPixels: 1_000_000 };

/** The PNG with bytes of its header changed and the CRC made right again. */
function withHeader(png: Buffer, change: (header: Buffer) => void): Buffer {
  const copy = Buffer.from(png);
  change(copy.subarray(16, 29));
  copy.writeUInt32BE(crc32(copy.subarray(12, 29)), 29);
  return copy;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as BoxError).code;
  }
  return 'none';
}

describe('decodePng', () => {
  for (const row of tables.decode) {
    it(`gives Pillow's pixels of ${row.name}`, () => {
      const image = decodePng(Buffer.from(row.png, 'base64'), LIMITS);
      assert.equal(image.channels, row.channels);
      assert.equal(Buffer.from(image.data).toString('base64'), row.pixels);
    });
  }

  const png = encodePng({ width: 4, height: 3, channels: 1, data: new Uint8Array(12).fill(7) });

  it('refuses a size above the limit before it inflates anything', () => {
    const bomb = withHeader(png, (header) => {
      header.writeUInt32BE(60_000, 0);
      header.writeUInt32BE(60_000, 4);
    });
    assert.equal(
      codeOf(() => decodePng(bomb, LIMITS)),
      'too_large',
    );
  });

  it('refuses pixel data that inflates to more or less than the header says', () => {
    for (const height of [2, 4]) {
      const lying = withHeader(png, (header) => header.writeUInt32BE(height, 4));
      assert.equal(
        codeOf(() => decodePng(lying, LIMITS)),
        'unprocessable',
      );
    }
  });

  it('refuses a file that is cut off anywhere', () => {
    for (let length = 0; length < png.length; length++) {
      assert.equal(
        codeOf(() => decodePng(png.subarray(0, length), LIMITS)),
        'unprocessable',
        `${length} bytes`,
      );
    }
  });

  it('refuses a file with any bit of its header or data changed', () => {
    for (let at = 0; at < png.length; at++) {
      const bad = Buffer.from(png);
      bad[at] = (bad[at] as number) ^ 0x10;
      assert.notEqual(
        codeOf(() => decodePng(bad, LIMITS)),
        'none',
        `byte ${at}`,
      );
    }
  });

  it('refuses depths that the colour type does not have', () => {
    const bad = withHeader(png, (header) => header.writeUInt8(3, 8));
    assert.equal(
      codeOf(() => decodePng(bad, LIMITS)),
      'unprocessable',
    );
  });
});

describe('encodePng', () => {
  for (const channels of [1, 2, 3, 4] as const) {
    it(`writes ${channels} channels that decode to the same bytes`, () => {
      const data = Uint8Array.from({ length: 5 * 7 * channels }, (_, i) => (i * 37) % 256);
      const image = { width: 5, height: 7, channels, data };
      assert.deepEqual(decodePng(encodePng(image), LIMITS), image);
      assert.deepEqual(decodePng(encodePng(image, 'stored'), LIMITS), image);
    });
  }

  it('stores a picture of several blocks', () => {
    const data = Uint8Array.from({ length: 400 * 500 }, (_, i) => 255 - (i % 7));
    const image = { width: 400, height: 500, channels: 1 as const, data };
    assert.deepEqual(decodePng(encodePng(image, 'stored'), LIMITS), image);
  });
});
