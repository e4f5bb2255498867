/** A message for a topic, as an event. */
export interface Outgoing {
  /** CloudEvents attributes by name: `id`, `source`, `type`, `time`, `datacontenttype`, `correlationid`, `traceparent`, … */
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** A message with the same id within the last minute is stored once. */
  readonly messageId?: string;
}

export interface Receipt {
  /** The message's place in the stream. */
  readonly seq: number;
  /** A message with the same `messageId` was there already; it was kept, this one was not stored again. */
  readonly duplicate: boolean;
}

/** Puts messages on topics. */
export interface Publisher {
  /**
   * Publishes to a topic (or to `topic.source`) and resolves once the message is stored.
   *
   * @throws BoxError `storage_full` (with retryAfterSeconds), `not_found` when no scenario has the topic, `too_large`,
   * `invalid_argument` for a topic that is none, `unavailable` when the bus does not answer.
   */
  publish(topic: string, message: Outgoing): Promise<Receipt>;
  close(): void;
}
