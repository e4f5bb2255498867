import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { BoxError } from '#lib/error/box-error.ts';
import { decodePng, encodePng } from '#lib/image/png.ts';
import { openStoredPng } from '#lib/image/png-stored.ts';
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
    });
  }
});

describe('openStoredPng', () => {
  for (const [width, height] of [
    [1, 1],
    [28, 28],
    [5, 7],
    [400, 500],
    [65_534, 3],
    [65_535, 2],
    [70_000, 2],
  ] as const) {
    it(`writes pictures of ${width}x${height} that decode to the same bytes, wherever they are to stand`, () => {
      const png = openStoredPng(width, height);
      const data = Buffer.from(Uint8Array.from({ length: width * height }, (_, i) => 255 - (i % 7)));
      const pixels = Buffer.concat([Buffer.alloc(11), data]);
      const out = Buffer.alloc(png.bytes + 9);
      png.write(pixels, 11, out, 4);
      const image = decodePng(out.subarray(4, 4 + png.bytes), LIMITS);
      assert.ok(data.equals(image.data));
      assert.deepEqual([image.width, image.height], [width, height]);
      assert.ok(out.subarray(0, 4).equals(Buffer.alloc(4)) && out.subarray(4 + png.bytes).equals(Buffer.alloc(5)));
    });
  }
});
