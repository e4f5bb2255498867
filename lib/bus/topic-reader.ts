/** A message as it lies on a topic. */
export interface TopicMessage {
  readonly seq: number;
  readonly subject: string;
  /** When it was stored. */
  readonly time: Date;
  /** CloudEvents attributes, as far as the message has them. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface ReadOptions {
  /** Where to begin: at this sequence, at this time, or with what is published from now on. */
  readonly from: { readonly seq: number } | { readonly time: Date } | 'now';
  /** `end`: until what is stored now is read. `never`: also what comes later, until the signal aborts. */
  readonly until: 'end' | 'never';
  /** Also what came in for the topic where a source alone or the HTTP door may publish: signals, on a scenario's first topic. */
  readonly entrances?: boolean;
  readonly signal?: AbortSignal;
}

/** Reads topics without taking part in their processing: the history, and what comes. */
export interface TopicReader {
  /**
   * The messages of a topic, both of the bare topic and of its sources, in the order in which they were stored. The
   * reader goes on by itself after a lost connection.
   *
   * @throws BoxError `unavailable` when the bus does not answer.
   */
  read(topic: string, options: ReadOptions): AsyncIterable<TopicMessage>;
  /** The sequence of the last message of all topics; 0 when there is none. A place to read on from later. */
  lastSeq(): Promise<number>;
}
