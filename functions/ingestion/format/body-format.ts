import { isUtf8 } from 'node:buffer';
import { isWav } from '#lib/audio/wav.ts';
import { bareContentType, isJsonContentType } from '#lib/message/cloud-event.ts';

/** How the body of a signal is to be read. */
export type BodyFormat =
  | 'json'
  | 'ndjson'
  | 'csv'
  | 'tsv'
  | 'senml-json'
  | 'senml-cbor'
  | 'cbor'
  | 'msgpack'
  | 'sparkplug'
  | 'image'
  | 'audio'
  | 'text'
  | 'bytes';

/** Content types by name; those of pictures, sound and text are known by their first half. */
const CONTENT_TYPES: Readonly<Record<string, BodyFormat>> = {
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/x-jsonlines': 'ndjson',
  'text/csv': 'csv',
  'application/csv': 'csv',
  'text/tab-separated-values': 'tsv',
  'application/senml+json': 'senml-json',
  'application/sensml+json': 'senml-json',
  'application/senml+cbor': 'senml-cbor',
  'application/sensml+cbor': 'senml-cbor',
  'application/cbor': 'cbor',
  'application/msgpack': 'msgpack',
  'application/x-msgpack': 'msgpack',
  'application/vnd.msgpack': 'msgpack',
  'application/x-sparkplug-b': 'sparkplug',
  'application/vnd.eclipse.sparkplug.b': 'sparkplug',
};

/** Content types that say nothing of what the body is: curl's default, what many clients send for bytes. */
const TELLS_NOTHING = new Set(['application/octet-stream', 'application/x-www-form-urlencoded', 'binary/octet-stream']);

/** The format that a content type names; undefined when it names none. */
export function declaredFormat(contentType: string | undefined): BodyFormat | undefined {
  const type = bareContentType(contentType);
  if (type === undefined || TELLS_NOTHING.has(type)) return undefined;
  if (Object.hasOwn(CONTENT_TYPES, type)) return CONTENT_TYPES[type];
  if (isJsonContentType(type)) return 'json';
  if (type.endsWith('+cbor')) return 'cbor';
  if (type.startsWith('image/')) return 'image';
  if (type.startsWith('audio/')) return 'audio';
  return type.startsWith('text/') ? 'text' : 'bytes';
}

/** What a body without a content type is, by its first bytes. */
export function sniffFormat(bytes: Buffer): BodyFormat {
  if (isImage(bytes)) return 'image';
  if (isWav(bytes)) return 'audio';
  if (!isUtf8(bytes)) return 'bytes';
  return isJson(bytes.toString('utf8')) ? 'json' : 'text';
}

/** The signatures of PNG, JPEG, GIF, WebP, TIFF and AVIF. */
function isImage(bytes: Buffer): boolean {
  const head = bytes.toString('latin1', 0, 12);
  return (
    head.startsWith('\x89PNG\r\n\x1a\n') ||
    head.startsWith('\xff\xd8\xff') ||
    head.startsWith('GIF8') ||
    head.startsWith('II*\0') ||
    head.startsWith('MM\0*') ||
    (head.startsWith('RIFF') && head.slice(8) === 'WEBP') ||
    head.slice(4) === 'ftypavif'
  );
}

/** Whether text is meant as JSON: an object, a list, or a bare number. Other text stays text. */
function isJson(text: string): boolean {
  const trimmed = text.trim();
  return /^[[{]/.test(trimmed) || /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(trimmed);
}

/** A parameter of a content type, such as `header` of `text/csv; header=absent`; lower-case. */
export function contentTypeParameter(contentType: string | undefined, name: string): string | undefined {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*"?([^";\\s]+)"?`, 'i').exec(contentType ?? '');
  return found?.[1]?.toLowerCase();
}
