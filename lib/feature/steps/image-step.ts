import { type Box, cover, crop, letterbox } from '../../image/fit.ts';
import { type Image, toGrey, toRgb } from '../../image/image.ts';
import { orientationOf, upright } from '../../image/orientation.ts';
import { type Filter, resize } from '../../image/resize.ts';
import type { Given } from '../given.ts';
import type { StepKind } from '../step.ts';
import { fault, kindWords, type Numbers, type Picture } from '../value.ts';

const LAYOUTS = ['CHW', 'HWC', 'HW'] as const;
const FITS = ['stretch', 'letterbox', 'cover'] as const;
const FILTERS: readonly Filter[] = ['nearest', 'area', 'bilinear', 'bicubic', 'lanczos'];
const MAX_SIDE = 16384;

const OPTIONS = {
  orient: 'Whether it is turned upright as its EXIF data say, default false, as Pillow opens it.',
  crop: '`[x, y, width, height]`: this part of the picture, in pixels.',
  channels: '1 makes it grey (ITU-R 601, as Pillow does), 3 makes it RGB. Left out: grey stays grey, all else is RGB.',
  width: 'Pixels across. With `height`: the picture is resized to this.',
  height: 'Pixels down.',
  filter: 'How it is resized: `nearest`, `area`, `bilinear`, `bicubic` (default, as in Pillow) or `lanczos`.',
  fit: "How it gets the size: `stretch` (default), `letterbox` keeps its proportions and fills the rest (Pillow's `ImageOps.pad`), `cover` keeps them and cuts off what is beyond (torchvision's `Resize` and `CenterCrop`).",
  fill: 'What a letterbox is filled with: one number or one for each channel, default 0.',
  layout: 'Order of the axes: `CHW` (default), `HWC`, or `HW` for one channel without an axis of its own.',
} as const;

interface ImageOptions {
  readonly orient: boolean;
  readonly crop: Box | undefined;
  readonly channels: number | undefined;
  readonly size: { readonly width: number; readonly height: number } | undefined;
  readonly filter: Filter;
  readonly fit: (typeof FITS)[number];
  readonly fill: readonly number[];
  readonly layout: (typeof LAYOUTS)[number];
}

/** Turns a picture into numbers from 0 to 255. */
export const IMAGE_STEP: StepKind = {
  name: 'image',
  doc: 'Turns a picture into numbers from 0 to 255, in the order of these options. Alpha is left out.',
  options: OPTIONS,
  takes: ['image'],
  gives: 'numbers',
  shorthand: Object.keys(OPTIONS),
  compile(given) {
    const options = readOptions(given);
    if (options === undefined) return undefined;
    return (value) => {
      if (value.kind !== 'image') throw fault(`must be an image, got ${kindWords(value.kind)}`);
      return imageNumbers(value, options);
    };
  },
};

/** Options of a picture that nothing is said about. */
export const DEFAULT_IMAGE: ImageOptions = {
  orient: false,
  crop: undefined,
  channels: undefined,
  size: undefined,
  filter: 'bicubic',
  fit: 'stretch',
  fill: [0],
  layout: 'CHW',
};

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
  const fill = fields.fill?.numbers({ min: 0, max: 255 }, 3) ?? [0];
  if (fill.length !== 1 && fill.length !== channels)
    fields.fill?.note('must be one number, or as many as channels says');
  return {
    orient: fields.orient?.flag() ?? false,
    crop: fields.crop && readBox(fields.crop),
    channels,
    size: width !== undefined && height !== undefined ? { width, height } : undefined,
    filter: fields.filter?.choice(FILTERS) ?? 'bicubic',
    fit: fields.fit?.choice(FITS) ?? 'stretch',
    fill,
    layout,
  };
}

function readBox(given: Given): Box | undefined {
  const numbers = given.list({ min: 4, max: 4 })?.map((item, i) => item.integer({ min: i < 2 ? 0 : 1, max: 65535 }));
  const [x, y, width, height] = numbers ?? [];
  if (x === undefined || y === undefined || width === undefined || height === undefined) return undefined;
  return { x, y, width, height };
}

/** The picture as numbers, in the asked form. */
export function imageNumbers(picture: Picture, options: ImageOptions): Numbers {
  const turned = options.orient && picture.file ? upright(picture.image, orientationOf(picture.file)) : picture.image;
  const part = options.crop === undefined ? turned : cropped(turned, options.crop);
  const coloured = (options.channels ?? (part.channels < 3 ? 1 : 3)) === 1 ? toGrey(part) : toRgb(part);
  const sized = fitted(coloured, options);
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

function cropped(image: Image, box: Box): Image {
  if (box.x + box.width > image.width || box.y + box.height > image.height) {
    throw fault(
      `must be large enough for crop [${box.x}, ${box.y}, ${box.width}, ${box.height}], got ${image.width} by ${image.height} pixels`,
    );
  }
  return crop(image, box);
}

function fitted(image: Image, { size, fit, fill, filter }: ImageOptions): Image {
  if (size === undefined) return image;
  const { width, height } = size;
  if (fit === 'letterbox') return letterbox(image, width, height, fill, filter);
  return fit === 'cover' ? cover(image, width, height, filter) : resize(image, width, height, filter);
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
