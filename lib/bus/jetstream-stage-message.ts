import type { Msg } from '@nats-io/nats-core';
import { type Attributes, type HeaderPair, headerPairs, readAttributes, readHeader } from './event-headers.ts';
import type { StageMessage } from './stage-queue.ts';

/** The header that the connector marks what it publishes with: the revision that made it. */
export const REV_HEADER = 'Box-Rev';

/** What headers and subject add to a message, about: the client does not tell without decoding them. */
const HEADERS_ABOUT = 500;

/** A message as nats-server hands it out; `reply` is where it is acknowledged. */
export class JetStreamStageMessage implements StageMessage {
  readonly #message: Msg;
  readonly seq: number;
  readonly storedMs: number;
  readonly deliveries: number;
  readonly size: number;
  readonly body: Uint8Array;
  readonly reply: string;
  #attributes: Attributes | undefined;
  #headers: readonly HeaderPair[] | undefined;

  constructor(message: Msg, reply: string) {
    this.#message = message;
    this.reply = reply;
    // $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>, or with
    // <domain>.<account> after ACK and a token at the end.
    const tokens = reply.split('.');
    const at = tokens.length > 9 ? 6 : 4;
    this.deliveries = Number(tokens[at]);
    this.seq = Number(tokens[at + 1]);
    this.storedMs = Math.floor(Number(tokens[at + 3]) / 1e6);
    this.body = message.data;
    this.size = this.body.length + HEADERS_ABOUT;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get attributes(): Attributes {
    this.#attributes ??= readAttributes(this.headers());
    return this.#attributes;
  }

  get ours(): boolean {
    return readHeader(this.headers(), REV_HEADER) !== undefined;
  }

  headers(): readonly HeaderPair[] {
    this.#headers ??= headerPairs(this.#message);
    return this.#headers;
  }
}
