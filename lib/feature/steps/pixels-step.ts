import type { Image } from '../../image/image.ts';
import type { StepKind } from '../step.ts';
import { fault, kindWords } from '../value.ts';

/** Raw bytes as a picture. */
export const PIXELS_STEP: StepKind = {
  name: 'pixels',
  doc: 'Raw bytes as a picture: 8 bits a channel, channels side by side, row by row from the top left. Without options for `image` it becomes numbers as any picture does.',
  options: {
    size: '`[width, height]` of the raw picture.',
    channels: '1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.',
  },
  takes: ['bytes'],
  gives: 'image',
  compile(given) {
    const fields = given.fields(['size', 'channels']);
    const [width, height] =
      fields?.size?.list({ min: 2, max: 2 })?.map((item) => item.integer({ min: 1, max: 65535 })) ?? [];
    const channels = fields?.channels?.integer({ min: 1, max: 4 }) as Image['channels'] | undefined;
    if (width === undefined || height === undefined || channels === undefined) {
      return fields && given.note('must have size and channels');
    }
    const count = width * height * channels;
    return (value) => {
      if (value.kind !== 'bytes') throw fault(`must be bytes, got ${kindWords(value.kind)}`);
      if (value.bytes.length !== count) throw fault(`must be ${count} bytes, got ${value.bytes.length}`);
      return { kind: 'image', image: { width, height, channels, data: value.bytes }, file: undefined };
    };
  },
};
