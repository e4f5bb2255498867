import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core';

/**
 * Sends many messages in one go. The client's `publish` encodes a command line, copies headers and hands over four buffers for each
 * message; here a whole batch becomes one piece of NATS's text protocol (docs/decisions/bus.md has the figures). Where
 * the client does not have what this rests on (`protocol.sendCommand`), its `publish` is used.
 */
export interface Wire {
  /** Adds a message with a header block (see HeaderBlock) to what `flush` sends. */
  add(subject: string, reply: string, head: string, body: Uint8Array | string): void;
  /** Adds a message without headers. */
  addPlain(subject: string, body: string): void;
  /** Sends what was added, in order. */
  flush(): void;
}

type SendCommand = (first: Uint8Array, ...more: Uint8Array[]) => void;

export function openWire(connection: NatsConnection): Wire {
  const send = commandSender(connection);
  return send === undefined ? publishingWire(connection) : textWire(send);
}

function textWire(send: SendCommand): Wire {
  let parts: Uint8Array[] = [];
  let text = '';
  return {
    add(subject, reply, head, body) {
      const headBytes = Buffer.byteLength(head);
      const isText = typeof body === 'string';
      const size = headBytes + (isText ? Buffer.byteLength(body) : body.length);
      text += `HPUB ${subject} ${reply} ${headBytes} ${size}\r\n${head}`;
      if (isText) text += `${body}\r\n`;
      else {
        parts.push(Buffer.from(text), body);
        text = '\r\n';
      }
    },
    addPlain(subject, body) {
      text += `PUB ${subject} ${Buffer.byteLength(body)}\r\n${body}\r\n`;
    },
    flush() {
      if (text !== '') parts.push(Buffer.from(text));
      const [first, ...more] = parts;
      parts = [];
      text = '';
      if (first !== undefined) send(first, ...more);
    },
  };
}

function publishingWire(connection: NatsConnection): Wire {
  return {
    add: (subject, reply, head, body) => connection.publish(subject, body, { reply, headers: readyHeaders(head) }),
    addPlain: (subject, body) => connection.publish(subject, body),
    flush: () => undefined,
  };
}

/** The client encodes a message's headers once, while it publishes: this object yields a ready block. */
function readyHeaders(head: string): MsgHdrs {
  return Object.assign(headers(), { encode: () => Buffer.from(head) });
}

function commandSender(connection: object): SendCommand | undefined {
  if (!('protocol' in connection)) return undefined;
  const { protocol } = connection;
  if (typeof protocol !== 'object' || protocol === null || !('sendCommand' in protocol)) return undefined;
  const { sendCommand } = protocol;
  if (typeof sendCommand !== 'function') return undefined;
  return (first, ...more) => sendCommand.call(protocol, first, ...more);
}
