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

  bytes(): Buffer {
    return Buffer.from(`${this.#text}\r\n`);
  }
}

/** The CloudEvents attributes of a message's headers, names in lower case; other headers are left out. */
export function readAttributes(headers: Iterable<[string, string[]]> | undefined): Record<string, string> {
  const attributes: Record<string, string> = {};
  if (headers === undefined) return attributes;
  for (const [name, values] of headers) {
    const value = values[0];
    if (value === undefined) continue;
    const lower = name.toLowerCase();
    if (lower.startsWith('ce-')) attributes[lower.slice(3)] = decodeValue(value);
    else if (lower === 'content-type') attributes.datacontenttype = value;
    else if (lower === 'traceparent') attributes.traceparent = value;
  }
  return attributes;
}

/** One header by its name in any case; undefined when absent. */
export function readHeader(headers: Iterable<[string, string[]]> | undefined, name: string): string | undefined {
  if (headers === undefined) return undefined;
  for (const [key, values] of headers) {
    if (key === name || key.toLowerCase() === name.toLowerCase()) return values[0];
  }
  return undefined;
}
