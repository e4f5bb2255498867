import { bareContentType } from '#lib/message/cloud-event.ts';
import type { InputEvent } from './input-event.ts';

/**
 * Calls are made of as many events as are answered within this many bytes, as far as that can be told before. Of ingestion, which makes up to
 * 200 bytes of one (a body of many short lines), an answer takes 4.5 times as much memory as it has bytes: beside its 25 MB a heap of
 * 160 MB (stack.yml) held 29 MB of answer, no more, and each stage that it serves may have a call in flight.
 */
export const MAX_EXPECTED_ANSWER_BYTES = 4 * 1024 * 1024;

/** What an event of a kind that was not answered yet may become: somewhat more than the 200 bytes for one of above. */
const UNKNOWN_RATIO = 256;

/** What is expected falls to this part with a call at most, and rises at once. */
const SLOWEST_FALL = 1 / 4;

/** Senders write content types as they like: no more than so many are told apart. */
const MAX_KINDS = 32;

/** How much larger the answers of a stage's function are than the events that they are to, by what was seen so far. */
export interface AnswerSizes {
  /** How many of the events, from the first on, a call may have: at least one. */
  fit(events: readonly InputEvent[]): number;
  /** A call was answered with so many bytes. */
  answered(events: readonly InputEvent[], bytes: number): void;
  /** A call was lost, perhaps with a process that had no memory left for its answer: the next has half as much. */
  lost(events: readonly InputEvent[]): void;
}

/**
 * By the bytes of data alone, so that a small event says more rather than less of a large one: what an answer has besides is counted as
 * if it grew with the data.
 */
export function openAnswerSizes(): AnswerSizes {
  /** By kind, how many bytes of answer there are to a byte of data: at least one. */
  const ratios = new Map<string, number>();

  // Most events are as the one before them: what is said of each must cost next to nothing.
  let last: { type: string | undefined; contentType: string | undefined; kind: string } | undefined;
  const kindOf = ({ attributes: { type, datacontenttype: contentType } }: InputEvent) => {
    if (last !== undefined && last.type === type && last.contentType === contentType) return last.kind;
    const exact = `${type} ${bareContentType(contentType)}`;
    const kind = ratios.has(exact) || ratios.size < MAX_KINDS ? exact : 'other';
    last = { type, contentType, kind };
    return kind;
  };
  const expectedOf = (event: InputEvent) => bytesOf(event) * (ratios.get(kindOf(event)) ?? UNKNOWN_RATIO);
  const sumOf = (events: readonly InputEvent[]) => events.reduce((sum, event) => sum + expectedOf(event), 0);
  /** As what is sent together is answered together, all kinds in it are taken to be as far from what was expected. */
  const correct = (events: readonly InputEvent[], factor: number) => {
    for (const kind of new Set(events.map(kindOf))) {
      const known = ratios.get(kind);
      const corrected = known === undefined ? UNKNOWN_RATIO * factor : known * Math.max(SLOWEST_FALL, factor);
      ratios.set(kind, Math.max(1, corrected));
    }
  };
  return {
    fit(events) {
      let sum = 0;
      const beyond = events.findIndex((event, i) => {
        sum += expectedOf(event);
        return i > 0 && sum > MAX_EXPECTED_ANSWER_BYTES;
      });
      return beyond === -1 ? events.length : beyond;
    },
    answered(events, bytes) {
      correct(events, bytes / sumOf(events));
    },
    lost(events) {
      if (events.length > 1) correct(events, Math.max(1, (2 * MAX_EXPECTED_ANSWER_BYTES) / sumOf(events)));
    },
  };
}

function bytesOf({ message }: InputEvent): number {
  return Math.max(1, message.body.length);
}
