import type { Msg, MsgHdrs } from '@nats-io/nats-core';

/**
 * CloudEvents on NATS in binary mode: attributes as `ce-` headers, data as the payload. Header blocks are written and
 * read as text in one go: the client's own header object costs more per message than the rest of a hop.
 */

/** Attributes of an event by name, without `data`. */
export type Attributes = Readonly<Record<string, string>>;

const BLOCK_START = 'NATS/1.0\r\n';
/** What a header value may hold as it is: visible ASCII but `"` and `%` (CloudEvents' NATS and HTTP bindings). */
const PLAIN = /^[!#$&-~]*$/;

/** An attribute's value as a header value: percent-encoded as the binding asks. */
export function encodeValue(value: string): string {
  if (PLAIN.test(value)) return value;
  return value.toWellFormed().replace(/[^!#$&-~]/gu, (char) => {
    return Array.from(Buffer.from(char), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
}

/** A header value as an attribute's value. What is not valid percent-encoding is taken as it is. */
export function decodeValue(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch (cause) {
    if (cause instanceof URIError) return value;
    throw cause;
  }
}

const goodNames = new Set<string>();

/** Whether a name is a CloudEvents attribute's: small letters and digits. `data` is a member of an event, not an attribute. */
export function isAttributeName(name: string): boolean {
  if (goodNames.has(name)) return true;
  const isGood = /^[a-z0-9]{1,64}$/.test(name) && name !== 'data';
  // Few names are ever used, but whoever sends events chooses them.
  if (isGood && goodNames.size < 1000) goodNames.add(name);
  return isGood;
}

/** A header block under construction. */
export class HeaderBlock {
  #text = BLOCK_START;

  /** A header as it is; line breaks, which would end it, become spaces. */
  set(name: string, value: string): this {
    this.#text += `${name}: ${/[\r\n]/.test(value) ? value.replace(/[\r\n]+/g, ' ') : value}\r\n`;
    return this;
  }

  /** A CloudEvents attribute. `datacontenttype` is the header Content-Type, `traceparent` is one of its own. */
  attribute(name: string, value: string): this {
    if (name === 'datacontenttype') return this.set('Content-Type', value);
    if (name === 'traceparent') return this.set('traceparent', value);
    this.#text += `ce-${name}: ${encodeValue(value)}\r\n`;
    return this;
  }

  attributes(attributes: Attributes): this {
    for (const name in attributes) {
      const value = attributes[name];
      if (value !== undefined) this.attribute(name, value);
    }
    return this;
  }

  /** The block as it goes over the wire. */
  text(): string {
    return `${this.#text}\r\n`;
  }
}

/** A header's name, as it was written, and its value. */
export type HeaderPair = readonly [name: string, value: string];

/** The headers of a message as pairs. */
export function headerPairs(message: Msg): HeaderPair[] {
  const block = rawBlock(message);
  if (block === undefined) return pairsOf(message.headers);
  const pairs: HeaderPair[] = [];
  // The first line is the version, the last one empty.
  let colon = -1;
  for (let start = block.indexOf('\r\n') + 2; start > 1 && start < block.length; ) {
    const end = block.indexOf('\r\n', start);
    // Looked for once: lines without a colon, sixty thousand bytes of them, would each search to the end of the block.
    if (colon < start) colon = block.indexOf(':', start);
    if (end === -1 || colon === -1) break;
    if (colon < end) pairs.push([block.slice(start, colon), block.slice(colon + 1, end).trim()]);
    start = end + 2;
  }
  return pairs;
}

/** The client's header object as pairs. */
export function pairsOf(headers: MsgHdrs | undefined): HeaderPair[] {
  return [...(headers ?? [])].flatMap(([name, values]) => values.map((value): HeaderPair => [name, value]));
}

/**
 * The header block of a message as text, where the client holds it as we know it (`_rdata`, of which the first `_msg.hdr`
 * bytes are headers); undefined otherwise. The client's own reading normalises and stores each header several times over: it took
 * an eighth of the connector's time.
 */
function rawBlock(message: object): string | undefined {
  if (!('_rdata' in message && '_msg' in message)) return undefined;
  const { _rdata: bytes, _msg: args } = message;
  if (!(bytes instanceof Uint8Array) || typeof args !== 'object' || args === null || !('hdr' in args)) return undefined;
  const length = args.hdr;
  if (typeof length !== 'number') return undefined;
  return length > 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('utf8') : '';
}

/** The CloudEvents attributes among headers, names in lower case; other headers are left out. */
export function readAttributes(headers: Iterable<HeaderPair>): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (name.startsWith('ce-')) attributes[lowerCase(name.slice(3))] = decodeValue(value);
    else if (name === 'Content-Type') attributes.datacontenttype = value;
    else if (!name.startsWith('Nats-')) readOther(name.toLowerCase(), value, attributes);
  }
  return attributes;
}

function readOther(name: string, value: string, attributes: Record<string, string>): void {
  if (name.startsWith('ce-')) attributes[name.slice(3)] = decodeValue(value);
  else if (name === 'content-type') attributes.datacontenttype = value;
  else if (name === 'traceparent') attributes.traceparent = value;
}

function lowerCase(name: string): string {
  return /[A-Z]/.test(name) ? name.toLowerCase() : name;
}

/** The first value of a header by its name in any case; undefined when absent. */
export function readHeader(headers: Iterable<HeaderPair>, name: string): string | undefined {
  const lower = name.toLowerCase();
  for (const [key, value] of headers) {
    if (key === name || (key.length === name.length && key.toLowerCase() === lower)) return value;
  }
  return undefined;
}
