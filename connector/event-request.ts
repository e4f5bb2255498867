import { encodeValue, isAttributeName } from '#lib/bus/event-headers.ts';
import { BATCH_CONTENT_TYPE } from '#lib/message/cloud-event.ts';
import type { InputEvent } from './input-event.ts';

/** Headers and body by which events go to a function. */
export interface EventRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const OPEN = Buffer.from('[');
const COMMA = Buffer.from(',');
const CLOSE_EVENT = Buffer.from('}');
const CLOSE = Buffer.from(']');

/**
 * Events as a CloudEvents JSON batch. Data that is JSON is spliced in as it is: it is neither parsed nor written again, which
 * costs more than all the rest for a tensor of any size. Other data goes as base64.
 */
export function batchRequest(events: readonly InputEvent[]): EventRequest {
  const parts: Uint8Array[] = [OPEN];
  events.forEach((event, i) => {
    if (i > 0) parts.push(COMMA);
    if (event.isJson) {
      parts.push(Buffer.from(`${attributesJson(event)},"data":`), event.message.body, CLOSE_EVENT);
    } else {
      const { body } = event.message;
      const base64 = Buffer.from(body.buffer, body.byteOffset, body.length).toString('base64');
      parts.push(Buffer.from(`${attributesJson(event)},"data_base64":"${base64}"}`));
    }
  });
  parts.push(CLOSE);
  return { headers: { 'content-type': BATCH_CONTENT_TYPE }, body: Buffer.concat(parts) };
}

/** One event in HTTP binary mode: attributes as headers, data as the body, whatever it is. */
export function binaryRequest(event: InputEvent): EventRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(event.attributes)) {
    if (name === 'datacontenttype') headers['content-type'] = headerText(value);
    else if (name === 'traceparent') headers.traceparent = headerText(value);
    else if (isAttributeName(name)) headers[`ce-${name}`] = encodeValue(value);
  }
  return { headers, body: event.message.body };
}

function attributesJson({ attributes }: InputEvent): string {
  let text = '{"specversion":"1.0"';
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined && name !== 'specversion' && isAttributeName(name)) text += `,"${name}":${jsonText(value)}`;
  }
  return text;
}

/** JSON.stringify of a text; most texts need no escape. */
function jsonText(value: string): string {
  return /^[ !#-[\]-~]*$/.test(value) ? `"${value}"` : JSON.stringify(value);
}

/** Whether Node takes a text as the value of an HTTP header. */
export function isHeaderText(value: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(value);
}

function headerText(value: string): string {
  return isHeaderText(value) ? value : value.replace(/[^\t\x20-\x7e]/g, '');
}
