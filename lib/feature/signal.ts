import type { Audio } from '../audio/wav.ts';
import type { Image } from '../image/image.ts';
import type { Numbers } from './value.ts';

/** What a signal's body is; every format of records (JSON, CSV, CBOR, …) is `json` here. */
export type SignalForm = 'json' | 'text' | 'image' | 'audio' | 'bytes';

/** What is known of a signal beside its body. */
export const SIGNAL_ATTRIBUTES = ['id', 'source', 'time', 'subject'] as const;
export type SignalAttribute = (typeof SIGNAL_ATTRIBUTES)[number];

/** A signal as features are made of it. What is asked for is decoded once. Each reader throws when the body is no such thing. */
export interface Signal {
  readonly form: SignalForm;
  /** The body as a JSON value. Formats that have bytes hold them as Uint8Array. */
  json(): unknown;
  /** A field of a JSON object, a column of CSV, a record of SenML, a metric of Sparkplug; undefined when there is none. */
  field(name: string): unknown;
  /** The same as an array of numbers, where it is one already; undefined where it is not. */
  numbers?(name: string): Numbers | undefined;
  text(): string;
  bytes(): Uint8Array;
  /** The body as a picture, or bytes out of it. */
  image(part?: Uint8Array): Promise<Image>;
  audio(part?: Uint8Array): Audio;
  attribute(name: SignalAttribute): string | undefined;
}
