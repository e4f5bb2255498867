import { JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import type { StageProgress } from './stage-progress.ts';
import { consumerName, STREAM } from './subjects.ts';

const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;

/** Opens the progress of stages, which is that of their consumers. */
export function openJetStreamStageProgress(connection: NatsConnection): StageProgress {
  let manager: Promise<JetStreamManager> | undefined;
  return {
    async isDone(scenarioId, stage, seq) {
      try {
        manager ??= jetstreamManager(connection, { checkAPI: false });
        const info = await (await manager).consumers.info(STREAM, consumerName(scenarioId, stage));
        // "Nothing waits" would not do: a message that was stored a moment ago is not counted yet.
        const isIdle = info.num_ack_pending === 0 && info.delivered.stream_seq >= seq;
        return isIdle || info.ack_floor.stream_seq >= seq;
      } catch (cause) {
        const code = cause instanceof JetStreamApiError ? cause.code : undefined;
        if (code === STREAM_NOT_FOUND || code === CONSUMER_NOT_FOUND) return false;
        throw new BoxError('unavailable', `Cannot read the progress of stage ${stage}: ${errorText(cause)}`, { cause });
      }
    },
  };
}
