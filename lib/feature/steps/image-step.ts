import { type Image, toGrey, toRgb } from '../../image/image.ts';
import { type Filter, resize } from '../../image/resize.ts';
import type { Given } from '../given.ts';
import type { StepKind } from '../step.ts';
import { fault, kindWords, type Numbers } from '../value.ts';

const LAYOUTS = ['CHW', 'HWC', 'HW'] as const;
const FILTERS: readonly Filter[] = ['nearest', 'area', 'bilinear', 'bicubic', 'lanczos'];
const MAX_SIDE = 16384;

const OPTIONS = {
  width: 'Pixels across. With `height`: the picture is resized to exactly this.',
  height: 'Pixels down.',
  channels: '1 makes it grey (ITU-R 601, as Pillow does), 3 makes it RGB. Left out: grey stays grey, all else is RGB.',
  layout: 'Order of the axes: `CHW` (default), `HWC`, or `HW` for one channel without an axis of its own.',
  filter: 'How it is resized: `nearest`, `area`, `bilinear`, `bicubic` (default, as in Pillow) or `lanczos`.',
} as const;

interface ImageOptions {
  readonly size: { readonly width: number; readonly height: number } | undefined;
  readonly channels: number | undefined;
  readonly layout: (typeof LAYOUTS)[number];
  readonly filter: Filter;
}

/** Turns a picture into numbers from 0 to 255. */
export const IMAGE_STEP: StepKind = {
  name: 'image',
  doc: 'Turns a picture into numbers from 0 to 255: grey or RGB first, then resized, then laid out. Alpha is left out.',
  options: OPTIONS,
  takes: ['image'],
  gives: 'numbers',
  shorthand: Object.keys(OPTIONS),
  compile(given) {
    const options = readOptions(given);
    if (options === undefined) return undefined;
    return (value) => {
      if (value.kind !== 'image') throw fault(`must be an image, got ${kindWords(value.kind)}`);
      return imageNumbers(value.image, options);
    };
  },
};

/** Options of a picture that nothing is said about. */
export const DEFAULT_IMAGE: ImageOptions = { size: undefined, channels: undefined, layout: 'CHW', filter: 'bicubic' };

function readOptions(given: Given): ImageOptions | undefined {
  const fields = given.fields(Object.keys(OPTIONS) as (keyof typeof OPTIONS)[]);
  if (fields === undefined) return undefined;
  const width = fields.width?.integer({ min: 1, max: MAX_SIDE });
  const height = fields.height?.integer({ min: 1, max: MAX_SIDE });
  if ((fields.width === undefined) !== (fields.height === undefined)) {
    (fields.width ?? fields.height)?.note('must come with the other of width and height');
  }
  const channels = fields.channels?.integer({ min: 1, max: 3 });
  if (channels === 2) fields.channels?.refuse('must be 1 or 3');
  const layout = fields.layout?.choice(LAYOUTS) ?? 'CHW';
  if (layout === 'HW' && channels !== 1) fields.layout?.note('HW needs channels: 1');
  return {
    size: width !== undefined && height !== undefined ? { width, height } : undefined,
    channels,
    layout,
    filter: fields.filter?.choice(FILTERS) ?? 'bicubic',
  };
}

/** The picture as numbers, in the asked form. */
export function imageNumbers(picture: Image, options: ImageOptions): Numbers {
  const coloured = (options.channels ?? (picture.channels < 3 ? 1 : 3)) === 1 ? toGrey(picture) : toRgb(picture);
  const { size } = options;
  const sized = size === undefined ? coloured : resize(coloured, size.width, size.height, options.filter);
  const { width, height, channels } = sized;
  switch (options.layout) {
    case 'HW':
      return { kind: 'numbers', shape: [height, width], data: sized.data };
    case 'HWC':
      return { kind: 'numbers', shape: [height, width, channels], data: sized.data, channelAxis: 2 };
    case 'CHW':
      return { kind: 'numbers', shape: [channels, height, width], data: planes(sized), channelAxis: 0 };
  }
}

/** Interleaved channels as one plane after the other. */
function planes({ width, height, channels, data }: Image): Uint8Array {
  if (channels === 1) return data;
  const size = width * height;
  const out = new Uint8Array(size * channels);
  for (let channel = 0; channel < channels; channel++) {
    const to = channel * size;
    for (let i = 0, from = channel; i < size; i++, from += channels) out[to + i] = data[from] as number;
  }
  return out;
}
