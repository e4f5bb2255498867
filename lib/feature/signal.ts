import type { Image } from '../image/image.ts';

/** What a signal's body is. */
export type SignalForm = 'json' | 'text' | 'image' | 'bytes';

/** A signal as features are made of it. What is asked for is decoded once. Each reader throws when the body is no such thing. */
export interface Signal {
  readonly form: SignalForm;
  /** The body as a JSON value. */
  json(): unknown;
  text(): string;
  bytes(): Uint8Array;
  image(): Promise<Image>;
}
