import { BoxError } from '#lib/error/box-error.ts';
import type { Signal, SignalForm } from '#lib/feature/signal.ts';
import { decodeImage } from '#lib/image/decode-image.ts';
import type { DecodeLimits, Image } from '#lib/image/image.ts';
import { bareContentType, type CloudEvent, dataBytes, dataJson, isJsonContentType } from '#lib/message/cloud-event.ts';
import { sniffForm } from './sniff-form.ts';

/** The signal in a CloudEvent. What is asked for is decoded once. */
export class EventSignal implements Signal {
  readonly form: SignalForm;
  readonly #event: CloudEvent;
  readonly #limits: DecodeLimits;
  #bytes: Buffer | undefined;
  #json: unknown;
  #image: Promise<Image> | undefined;

  constructor(event: CloudEvent, limits: DecodeLimits) {
    this.#event = event;
    this.#limits = limits;
    this.form = event.data_base64 === undefined ? formOfValue(event) : this.#formOfBytes();
  }

  json(): unknown {
    if (this.#json !== undefined) return this.#json;
    if (this.form !== 'json') throw this.#wrongForm('JSON');
    this.#json = dataJson(this.#event);
    return this.#json;
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  bytes(): Buffer {
    this.#bytes ??= dataBytes(this.#event);
    return this.#bytes;
  }

  image(): Promise<Image> {
    if (this.form !== 'image' && this.form !== 'bytes') throw this.#wrongForm('an image');
    this.#image ??= decodeImage(this.bytes(), this.#limits);
    return this.#image;
  }

  #formOfBytes(): SignalForm {
    const type = bareContentType(this.#event.datacontenttype);
    if (type === undefined || TELLS_NOTHING.has(type)) return sniffForm(this.bytes());
    if (isJsonContentType(type)) return 'json';
    if (type.startsWith('image/')) return 'image';
    return type.startsWith('text/') ? 'text' : 'bytes';
  }

  #wrongForm(wanted: string): BoxError {
    const type = this.#event.datacontenttype ?? 'no content type';
    return new BoxError('invalid_argument', `the signal must be ${wanted}, got ${this.form} (${type})`);
  }
}

/** Content types that say nothing of what the body is: curl's default, a message published without a type. */
const TELLS_NOTHING = new Set(['application/octet-stream', 'application/x-www-form-urlencoded', 'binary/octet-stream']);

/** Data that came as a JSON value is JSON, unless it is text that is declared to be something else. */
function formOfValue(event: CloudEvent): SignalForm {
  if (typeof event.data !== 'string') return 'json';
  const type = bareContentType(event.datacontenttype);
  return type === undefined || isJsonContentType(type) ? 'json' : 'text';
}
