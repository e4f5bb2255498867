import { BoxError } from '#lib/error/box-error.ts';
import { decodeImage } from '#lib/image/decode-image.ts';
import { toGrey } from '#lib/image/image.ts';
import { resize } from '#lib/image/resize.ts';
import type { DatasetName } from '../names.ts';

/** The picture as trainers get it: grey, at the dataset's size, row by row. */
export async function decodeSample(bytes: Uint8Array, dataset: DatasetName, maxPixels: number): Promise<Uint8Array> {
  const image = await decodeImage(bytes, { maxPixels });
  return resize(toGrey(image), dataset.width, dataset.height, 'lanczos').data;
}

/** Whether an error says that a sample will never be a picture: it is broken or gone, not out of reach. */
export function isBadSample(error: unknown): boolean {
  return error instanceof BoxError && ['unprocessable', 'too_large', 'not_found'].includes(error.code);
}
