import { eventError } from '#lib/function/event-batch.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult } from '#lib/message/function-answer.ts';

/** A message to its features events, one for each signal in it; a promise only where a picture has to be decoded. */
export type SignalProcess = (event: CloudEvent) => readonly CloudEvent[] | Promise<readonly CloudEvent[]>;

/** Pictures that are decoded at the same time: what sharp's threads can work on. */
const AT_ONCE = 4;

/** Each event with its own result, in order. Events that need no waiting are done without: a batch of 256 in one go. */
export async function settleSome(events: readonly CloudEvent[], process: SignalProcess): Promise<EventResult[]> {
  const results: EventResult[] = new Array(events.length);
  const running = new Set<Promise<void>>();
  const settle = async (index: number, id: string, made: Promise<readonly CloudEvent[]>): Promise<void> => {
    results[index] = await settled(id, () => made);
  };
  for (const [index, event] of events.entries()) {
    try {
      const made = process(event);
      if (!(made instanceof Promise)) {
        results[index] = { id: event.id, events: made };
        continue;
      }
      const waiting: Promise<void> = settle(index, event.id, made).finally(() => running.delete(waiting));
      running.add(waiting);
      if (running.size >= AT_ONCE) await Promise.race(running);
    } catch (thrown) {
      results[index] = { id: event.id, error: eventError(thrown) };
    }
  }
  await Promise.all(running);
  return results;
}

/** What was made of an event, or the error that keeps it from it. */
export async function settled(
  id: string,
  make: () => readonly CloudEvent[] | Promise<readonly CloudEvent[]>,
): Promise<EventResult> {
  try {
    return { id, events: await make() };
  } catch (thrown) {
    return { id, error: eventError(thrown) };
  }
}
