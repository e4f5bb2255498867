import type { Signal } from '#lib/feature/signal.ts';
import { decodePng } from '#lib/image/png.ts';

/** A signal whose body is a JSON value. */
export function jsonSignal(json: unknown): Signal {
  const bytes = () => Buffer.from(JSON.stringify(json));
  return { form: 'json', json: () => json, text: () => bytes().toString(), bytes, image: () => decoded(bytes()) };
}

/** A signal whose body is text. */
export function textSignal(text: string): Signal {
  return { ...jsonSignal(undefined), form: 'text', text: () => text, bytes: () => Buffer.from(text) };
}

/** A signal whose body is a PNG. */
export function pngSignal(bytes: Buffer): Signal {
  return { ...jsonSignal(undefined), form: 'image', bytes: () => bytes, image: () => decoded(bytes) };
}

async function decoded(bytes: Buffer) {
  return decodePng(bytes, { maxPixels: 1_000_000 });
}
