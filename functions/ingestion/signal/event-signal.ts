import { type Audio, decodeWav } from '#lib/audio/wav.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { fieldOf } from '#lib/feature/json-path.ts';
import type { Signal, SignalAttribute, SignalForm } from '#lib/feature/signal.ts';
import { decodeImage } from '#lib/image/decode-image.ts';
import type { DecodeLimits, Image } from '#lib/image/image.ts';
import { isRecord } from '#lib/json/json-object.ts';
import { type CloudEvent, dataBytes } from '#lib/message/cloud-event.ts';
import { jsonFault } from '#lib/message/json-text.ts';
import { type BodyFormat, declaredFormat, sniffFormat } from '../format/body-format.ts';
import { readCbor } from '../format/cbor.ts';
import { decompress, isGzip } from '../format/decompress.ts';
import { jsonLike } from '../format/json-like.ts';
import { readMsgpack } from '../format/msgpack.ts';
import { resolveSenml, type SenmlRecord, senmlField } from '../format/senml.ts';
import { readSparkplug, type SparkplugPayload, sparkplugField } from '../format/sparkplug.ts';

export interface SignalLimits extends DecodeLimits {
  /** The largest body after its compression is undone. */
  readonly maxInflatedBytes: number;
}

const FORMS: Readonly<Record<BodyFormat, SignalForm>> = {
  json: 'json',
  ndjson: 'json',
  csv: 'json',
  tsv: 'json',
  'senml-json': 'json',
  'senml-cbor': 'json',
  cbor: 'json',
  msgpack: 'json',
  sparkplug: 'json',
  image: 'image',
  audio: 'audio',
  text: 'text',
  bytes: 'bytes',
};

/** The signal in a CloudEvent. What is asked for is decoded once. */
export class EventSignal implements Signal {
  readonly format: BodyFormat;
  readonly event: CloudEvent;
  readonly #limits: SignalLimits;
  #bytes: Buffer | undefined;
  #json: unknown;
  #image: Promise<Image> | undefined;

  constructor(event: CloudEvent, limits: SignalLimits) {
    this.event = event;
    this.#limits = limits;
    this.format = event.data_base64 === undefined ? formatOfValue(event) : this.#formatOfBytes();
  }

  get form(): SignalForm {
    return FORMS[this.format];
  }

  json(): unknown {
    if (this.#json === undefined) this.#json = this.#decodeJson();
    return this.#json;
  }

  field(name: string): unknown {
    const json = this.json();
    if (this.format === 'senml-json' || this.format === 'senml-cbor') return senmlField(json as SenmlRecord[], name);
    if (this.format === 'sparkplug') return sparkplugField(json as SparkplugPayload, name);
    return fieldOf(json, name);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  bytes(): Buffer {
    this.#bytes ??= unpacked(dataBytes(this.event), this.event, this.#limits);
    return this.#bytes;
  }

  image(part?: Uint8Array): Promise<Image> {
    if (part !== undefined) return decodeImage(part, this.#limits);
    if (this.form !== 'image' && this.form !== 'bytes') throw this.#wrongForm('an image');
    this.#image ??= decodeImage(this.bytes(), this.#limits);
    return this.#image;
  }

  audio(part?: Uint8Array): Audio {
    if (part === undefined && this.form !== 'audio' && this.form !== 'bytes') throw this.#wrongForm('sound');
    return decodeWav(part ?? this.bytes());
  }

  attribute(name: SignalAttribute): string | undefined {
    return this.event[name];
  }

  #decodeJson(): unknown {
    if (this.form !== 'json') throw this.#wrongForm('JSON');
    const { data, data_base64: base64 } = this.event;
    // A payload of Sparkplug comes here decoded when its metrics were given names: see prepare-events.ts.
    if (base64 === undefined && (this.format === 'json' || (this.format === 'sparkplug' && isRecord(data))))
      return data;
    try {
      return decodeRecords(this.format, base64 === undefined ? data : undefined, () => this.bytes(), this.event.time);
    } catch (cause) {
      if (cause instanceof BoxError) throw cause;
      const what = `Cannot read signal: it must be ${this.format} (${jsonFault(cause).slice(0, 200)})`;
      throw new BoxError('invalid_argument', what, { cause });
    }
  }

  #formatOfBytes(): BodyFormat {
    return declaredFormat(this.event.datacontenttype) ?? sniffFormat(this.bytes());
  }

  #wrongForm(wanted: string): BoxError {
    const type = this.event.datacontenttype ?? 'no content type';
    return new BoxError('invalid_argument', `Cannot read signal: it must be ${wanted}, got ${this.form} (${type})`);
  }
}

/** Data that came as a JSON value is JSON, unless it is text that is declared to be something else. */
function formatOfValue(event: CloudEvent): BodyFormat {
  const declared = event.datacontenttype === undefined ? 'json' : declaredFormat(event.datacontenttype);
  if (typeof event.data !== 'string') return declared === 'senml-json' || declared === 'sparkplug' ? declared : 'json';
  return declared ?? 'text';
}

function decodeRecords(format: BodyFormat, value: unknown, bytes: () => Buffer, time: string | undefined): unknown {
  const json = () => value ?? JSON.parse(bytes().toString('utf8'));
  // Relative to when the signal came, so that a signal which is processed again has the same times.
  const nowSeconds = Date.parse(time ?? '') / 1000 || Date.now() / 1000;
  switch (format) {
    case 'senml-json':
      return resolveSenml(json(), nowSeconds);
    case 'senml-cbor':
      return resolveSenml(jsonLike(readCbor(bytes())), nowSeconds);
    case 'cbor':
      return jsonLike(readCbor(bytes()));
    case 'msgpack':
      return jsonLike(readMsgpack(bytes()));
    case 'sparkplug':
      return readSparkplug(bytes());
    default:
      return json();
  }
}

/** A body whose sender packed it: told by the event's `contentencoding`, or gzip by its first bytes. */
function unpacked(bytes: Buffer, event: CloudEvent, { maxInflatedBytes }: SignalLimits): Buffer {
  const encoding = event.contentencoding;
  if (typeof encoding === 'string') return decompress(bytes, encoding, maxInflatedBytes);
  return isGzip(bytes) ? decompress(bytes, 'gzip', maxInflatedBytes) : bytes;
}
