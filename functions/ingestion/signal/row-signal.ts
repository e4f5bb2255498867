import type { Audio } from '#lib/audio/wav.ts';
import { fieldOf } from '#lib/feature/json-path.ts';
import type { Signal, SignalAttribute, SignalForm } from '#lib/feature/signal.ts';
import type { Image } from '#lib/image/image.ts';

/** One of many signals in a body: a row of CSV, a line of NDJSON, an object of a JSON list. */
export class RowSignal implements Signal {
  readonly form: SignalForm = 'json';
  readonly #json: unknown;
  readonly #whole: Signal;
  readonly #id: string;

  constructor(json: unknown, whole: Signal, id: string) {
    this.#json = json;
    this.#whole = whole;
    this.#id = id;
  }

  json(): unknown {
    return this.#json;
  }

  field(name: string): unknown {
    return fieldOf(this.#json, name);
  }

  text(): string {
    return JSON.stringify(this.#json);
  }

  bytes(): Uint8Array {
    return Buffer.from(this.text());
  }

  image(part?: Uint8Array): Promise<Image> {
    return this.#whole.image(part ?? this.bytes());
  }

  audio(part?: Uint8Array): Audio {
    return this.#whole.audio(part ?? this.bytes());
  }

  attribute(name: SignalAttribute): string | undefined {
    return name === 'id' ? this.#id : this.#whole.attribute(name);
  }
}
