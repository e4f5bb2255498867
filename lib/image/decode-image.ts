import sharp from 'sharp';
import { BoxError, errorText } from '../error/box-error.ts';
import type { DecodeLimits, Image } from './image.ts';
import { checkPixels, decodePng, isPng, readPngHeader } from './png.ts';

/**
 * PNGs of up to this many pixels are decoded here and now, twice (256x256) to twenty times (28x28) as fast as through
 * sharp's threads. Larger ones would hold up the event loop for milliseconds.
 */
const INLINE_PIXELS = 256 * 256;

/** Formats that sharp's prebuilt libvips reads and that a camera or a trainer sends. SVG and PDF are programs, not samples. */
const FORMATS = new Set(['png', 'jpeg', 'webp', 'gif', 'tiff', 'heif', 'avif']);

/**
 * Decodes a PNG, JPEG, WebP, GIF (first frame), TIFF or AVIF to 8 bits a channel, as stored: no rotation by EXIF, no
 * colour management. Memory is bound by the header's size before pixels are decoded.
 *
 * @throws BoxError `unprocessable` when the bytes are no such image or broken, `too_large` above `maxPixels`.
 */
export async function decodeImage(bytes: Uint8Array, limits: DecodeLimits): Promise<Image> {
  if (isPng(bytes)) {
    const { width, height } = readPngHeader(bytes);
    checkPixels(width, height, limits);
    if (width * height <= INLINE_PIXELS) return decodePng(bytes, limits);
  }
  return decodeWithSharp(bytes, limits);
}

async function decodeWithSharp(bytes: Uint8Array, limits: DecodeLimits): Promise<Image> {
  try {
    const input = sharp(bytes, { limitInputPixels: limits.maxPixels, failOn: 'error', ignoreIcc: true });
    const { format, width, height, space, channels } = await input.metadata();
    if (!FORMATS.has(format)) throw new BoxError('unprocessable', `Cannot decode image: format ${format} is not taken`);
    checkPixels(width, height, limits);
    const grey = space === 'b-w' || space === 'grey16';
    const { data, info } = await input
      .toColourspace(grey && channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const image = { width: info.width, height: info.height, channels: info.channels as Image['channels'], data };
    return grey && info.channels === 4 ? greyAndAlpha(image) : image;
  } catch (thrown) {
    if (thrown instanceof BoxError) throw thrown;
    if (/exceeds pixel limit/.test(errorText(thrown))) {
      throw new BoxError('too_large', `Cannot decode image: it may have ${limits.maxPixels} pixels at most`, {
        cause: thrown,
      });
    }
    throw new BoxError('unprocessable', 'Cannot decode image: it must be a whole PNG, JPEG, WebP, GIF, TIFF or AVIF', {
      cause: thrown,
    });
  }
}

/** Grey and alpha out of RGBA: sharp's raw output knows no picture of two channels. */
function greyAndAlpha({ width, height, data }: Image): Image {
  const out = new Uint8Array(width * height * 2);
  for (let i = 0; i < width * height; i++) {
    out[2 * i] = data[4 * i] as number;
    out[2 * i + 1] = data[4 * i + 3] as number;
  }
  return { width, height, channels: 2, data: out };
}
