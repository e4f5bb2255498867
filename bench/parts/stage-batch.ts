import { request } from 'undici';
import type { StageMessage } from '#lib/bus/stage-queue.ts';
import { parseFunctionAnswer } from '#lib/message/function-answer.ts';
import { SCENARIO_HEADER, SCENARIO_REV_HEADER, STAGE_HEADER } from '#lib/scenario/scenario.ts';
import { batchRequest, type EventRequest } from '../../connector/event-request.ts';
import { type InputEvent, inputEvent } from '../../connector/input-event.ts';

export type BenchStage = 'ingestion' | 'inference' | 'notification';

/** Bytes on a topic and what they are. */
export interface TopicBody {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** The scenario that a batch is of. */
export interface BenchScenario {
  readonly id: string;
  readonly rev: string;
}

const TOPIC = 'bench';

/** A call of a stage's function, and the ids of its messages. */
export interface StageCall extends EventRequest {
  readonly ids: readonly string[];
}

/** As many messages as are wanted of those bodies, in one call, as the connector makes it. */
export function stageBatch(
  stage: BenchStage,
  { id, rev }: BenchScenario,
  bodies: readonly TopicBody[],
  count: number,
): StageCall {
  const events = Array.from({ length: count }, (_, i) => eventOf(stage, i, bodies[i % bodies.length]));
  const { headers, body } = batchRequest(events);
  return {
    headers: { ...headers, [SCENARIO_HEADER]: id, [SCENARIO_REV_HEADER]: rev, [STAGE_HEADER]: stage },
    body,
    ids: events.map((event) => event.id),
  };
}

function eventOf(stage: BenchStage, index: number, { contentType, body }: TopicBody = EMPTY): InputEvent {
  const isSignal = stage === 'ingestion';
  const message: StageMessage = {
    seq: index + 1,
    subject: TOPIC,
    storedMs: Date.now(),
    deliveries: 1,
    attributes: {
      id: `bench-${index}`,
      source: 'bench',
      datacontenttype: contentType,
      correlationid: `bench-${index}`,
    },
    ours: !isSignal,
    body,
    headers: () => [],
  };
  return inputEvent(message, stage, [TOPIC], isSignal ? { source: 'bench', proof: undefined } : undefined);
}

const EMPTY: TopicBody = { contentType: 'application/json', body: Buffer.from('null') };

/**
 * Makes the call once.
 *
 * @returns what the function made of each message, as it would lie on the next topic
 * @throws Error when a message came to nothing
 */
export async function callStage(url: string, key: string, { headers, body, ids }: StageCall): Promise<TopicBody[]> {
  const answer = await request(url, {
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${key}` },
    body,
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}: ${text}`);
  return parseFunctionAnswer(JSON.parse(text), ids).results.map((result) => {
    const [event] = 'events' in result ? result.events : [];
    if (event === undefined) throw new Error(`A stage made nothing of a message: ${JSON.stringify(result)}`);
    return { contentType: 'application/json', body: Buffer.from(JSON.stringify(event.data)) };
  });
}
