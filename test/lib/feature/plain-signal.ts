import { decodeWav } from '#lib/audio/wav.ts';
import { fieldOf } from '#lib/feature/json-path.ts';
import type { Signal, SignalForm } from '#lib/feature/signal.ts';
import { decodeImage } from '#lib/image/decode-image.ts';

const ATTRIBUTES: Readonly<Record<string, string>> = { id: '7', source: 'cam', time: '2026-01-02T03:04:05Z' };

function plainSignal(form: SignalForm, bytes: Buffer, json?: unknown): Signal {
  return {
    form,
    json: () => json,
    field: (name) => fieldOf(json, name),
    text: () => bytes.toString(),
    bytes: () => bytes,
    image: (part) => decodeImage(part ?? bytes, { maxPixels: 1_000_000 }),
    audio: (part) => decodeWav(part ?? bytes),
    attribute: (name) => ATTRIBUTES[name],
  };
}

/** A signal whose body is a JSON value. */
export function jsonSignal(json: unknown): Signal {
  return plainSignal('json', Buffer.from(JSON.stringify(json) ?? ''), json);
}

/** A signal whose body is text. */
export function textSignal(text: string): Signal {
  return plainSignal('text', Buffer.from(text));
}

export function imageSignal(bytes: Buffer): Signal {
  return plainSignal('image', bytes);
}

export function audioSignal(bytes: Buffer): Signal {
  return plainSignal('audio', bytes);
}

export function bytesSignal(bytes: Buffer): Signal {
  return plainSignal('bytes', bytes);
}
