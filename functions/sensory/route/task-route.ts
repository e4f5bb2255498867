import { BoxError } from '#lib/error/box-error.ts';
import { type EventBatch, eventError, readEventBatch } from '#lib/function/event-batch.ts';
import { countResults } from '#lib/function/open-function.ts';
import { parseJson, type Route } from '#lib/function/route.ts';
import type { FunctionAnswer } from '#lib/message/function-answer.ts';
import { STAGE_HEADER } from '#lib/scenario/scenario.ts';

const TASK_TYPE = 'thebox.sensory.task';

/**
 * The function's root, where the connector posts tasks of orders: a CloudEvent in binary mode whose id is
 * `<order>.<shard>`. A task done again changes nothing. And it posts predictions there, of which scenarios capture inputs.
 */
export function taskRoute(
  processShard: (orderId: string, shard: number) => Promise<void>,
  capture: (batch: EventBatch) => Promise<FunctionAnswer>,
  count: (outcome: 'ok' | 'retry' | 'dead', events: number) => void,
): Route {
  return {
    method: 'POST',
    path: '/',
    async handle(request) {
      if (request.headers[STAGE_HEADER] === 'capture') {
        const answer = await capture(readEventBatch(request));
        countResults(answer, count);
        return { status: 200, body: answer };
      }
      const id = request.headers['ce-id'] ?? '';
      try {
        const { orderId, shard } = readTask(id, request.headers['ce-type'], parseJson(request.body));
        await processShard(orderId, shard);
        count('ok', 1);
        return { status: 200, body: { results: [{ id, events: [] }] } };
      } catch (thrown) {
        const error = eventError(thrown);
        count(error.retry ? 'retry' : 'dead', 1);
        return { status: 200, body: { results: [{ id, error }] } };
      }
    },
  };
}

function readTask(id: string, type: string | undefined, data: unknown): { orderId: string; shard: number } {
  if (type !== TASK_TYPE) throw refused(`ce-type must be ${TASK_TYPE}, got ${type ?? 'nothing'}`);
  const match = /^([0-9a-f-]{36})\.(\d{1,9})$/i.exec(id);
  if (!match) throw refused(`ce-id must be ORDER.SHARD, got ${JSON.stringify(id)}`);
  const named = typeof data === 'object' && data !== null && 'sensory_batch_request_id' in data ? data : undefined;
  if (named?.sensory_batch_request_id !== match[1])
    throw refused('sensory_batch_request_id must be the order of ce-id');
  return { orderId: match[1] as string, shard: Number(match[2]) };
}

function refused(rule: string): BoxError {
  return new BoxError('invalid_argument', `Cannot read task: ${rule}`);
}
