import sharp from 'sharp';
import { BoxError } from '../error/box-error.ts';
import type { DecodeLimits } from './image.ts';

/**
 * The picture as a PNG that fits into a square of `side` pixels; small ones are enlarged, pixel by pixel.
 *
 * @throws BoxError `unprocessable` when the bytes are no whole picture or one above the limit.
 */
export async function makeThumbnail(bytes: Uint8Array, side: number, limits: DecodeLimits): Promise<Buffer> {
  try {
    const picture = sharp(bytes, { limitInputPixels: limits.maxPixels });
    return await picture.resize(side, side, { fit: 'inside', kernel: 'nearest' }).png().toBuffer();
  } catch (cause) {
    throw new BoxError('unprocessable', 'Cannot make a thumbnail: the picture must be whole and not too large', {
      cause,
    });
  }
}
