/** What a request says beside its body. */
export interface RequestHead {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly key: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The whole of a request as it goes over the wire, so that sending it again costs a client next to nothing. */
export function rawRequest(
  { method, url, key, headers = {} }: RequestHead,
  body: Uint8Array = Buffer.alloc(0),
): Buffer {
  const { host, pathname, search } = new URL(url);
  const all = { Host: host, Authorization: `Bearer ${key}`, ...headers, 'Content-Length': String(body.length) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([Buffer.from(`${method} ${pathname}${search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`), body]);
}
