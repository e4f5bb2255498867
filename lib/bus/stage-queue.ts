import type { Attributes } from './event-headers.ts';

/** A message that waits for a stage. */
export interface StageMessage {
  /** Its place in the stream. */
  readonly seq: number;
  readonly subject: string;
  /** When it was stored, milliseconds since 1970. */
  readonly storedMs: number;
  /** How often it was handed out, this time included. */
  readonly deliveries: number;
  /** CloudEvents attributes, as far as the message has them. */
  readonly attributes: Attributes;
  /** Whether the connector itself published it: then its data is what its content type says. */
  readonly ours: boolean;
  readonly body: Uint8Array;
  /** Every header as it came. */
  headers(): readonly (readonly [string, string])[];
}

/** What waits for one stage, in order. Messages that were handed out are kept from being handed out again until they are acknowledged. */
export interface StageQueue {
  /**
   * Messages up to this place may have been processed before, without their acknowledgement having come through: what
   * was stored before the queue was opened, or had been handed out when the connection was lost.
   */
  readonly suspectUpTo: number;
  /** When that became so, milliseconds since 1970: who looked at what is published after that has seen all of it. */
  readonly suspectSinceMs: number;
  /** What waits now, at least one message; it does not wait for more. Undefined when the signal aborts. */
  next(signal: AbortSignal): Promise<StageMessage[] | undefined>;
  /** Puts messages back at the head: the next call of `next` begins with them. */
  putBack(messages: readonly StageMessage[]): void;
  /** Done with: they are never handed out again. */
  ack(messages: readonly StageMessage[]): void;
  /** Lets go of everything that is not acknowledged; the next queue of the stage gets it again. */
  close(): void;
}
