import { HeaderBlock } from '#lib/bus/event-headers.ts';
import { REV_HEADER } from '#lib/bus/jetstream-stage-message.ts';
import { timerMessage } from '#lib/bus/jetstream-timers.ts';
import type { StageMessage } from '#lib/bus/stage-queue.ts';
import type { StreamMessage } from '#lib/bus/stored-publish.ts';
import { EVENT_TYPE } from '#lib/message/cloud-event.ts';
import type { SourceRecord } from '#lib/source/source.ts';
import type { SourceRegistry } from './source-registry.ts';
import type { SourceTallies } from './source-tallies.ts';
import type { StagePlan } from './stage-plan.ts';

/** The rule that silence breaks, as a notification names it. */
const SILENCE_NOTIFICATION = 'source_silent';

/** Timers with such a key are ours; functions get none of them. */
const KEY_PREFIX = 'thebox.silence.';

/**
 * Notices that a source which is expected to send does not. A timer waits in line with the stage's messages, so that whatever came
 * before it has been counted; there is one for a source and a scenario at a time, and it is set again for as long as signals come.
 * What is returned is to be published.
 */
export interface SourceSilence {
  /** A signal of the source came: its silence, if there was one, is over. */
  heard(plan: StagePlan, record: SourceRecord, message: StageMessage): readonly StreamMessage[];
  /** A timer is due; undefined when it is none of ours. */
  due(plan: StagePlan, message: StageMessage): readonly StreamMessage[] | undefined;
  /** The source was put: from now on it is expected as it says. */
  expect(record: SourceRecord): readonly StreamMessage[];
}

export function openSourceSilence(registry: Pick<SourceRegistry, 'get'>, tallies: SourceTallies): SourceSilence {
  /** What a timer waits for. */
  const armed = new Set<string>();
  const arm = (scenario: string, stage: StagePlan['stage'], source: string, atMs: number): StreamMessage => {
    armed.add(`${scenario} ${source}`);
    return timerMessage(scenario, stage, KEY_PREFIX + source, new Date(atMs).toISOString());
  };
  return {
    heard(plan, record, message) {
      const { scenarioId, stage } = plan;
      const tally = tallies.of(record.id, scenarioId);
      const out: StreamMessage[] = [];
      if (tally?.isSilent) {
        tallies.setSilent(record.id, scenarioId, false);
        out.push(...silenceNotification(plan, record, 'resolved', tally.lastSeenMs, message));
      }
      const everyMs = everyMsOf(record);
      if (everyMs === undefined || armed.has(`${scenarioId} ${record.id}`)) return out;
      return [...out, arm(scenarioId, stage, record.id, message.storedMs + everyMs)];
    },
    due(plan, message) {
      const source = sourceOfTimer(message);
      if (source === undefined) return undefined;
      const { scenarioId, stage } = plan;
      armed.delete(`${scenarioId} ${source}`);
      const record = registry.get(source);
      const tally = tallies.of(source, scenarioId);
      const everyMs = record === undefined ? undefined : everyMsOf(record);
      if (record === undefined || tally === undefined || everyMs === undefined || tally.isSilent) return [];
      const dueMs = tally.lastSeenMs + everyMs;
      if (dueMs > message.storedMs) return [arm(scenarioId, stage, source, dueMs)];
      tallies.setSilent(source, scenarioId, true);
      return silenceNotification(plan, record, 'firing', tally.lastSeenMs, message);
    },
    expect(record) {
      const everyMs = everyMsOf(record);
      if (everyMs === undefined) return [];
      return tallies
        .scenariosOf(record.id)
        .filter(([, { isSilent, lastSeenMs }]) => !isSilent && lastSeenMs > 0)
        .map(([scenario, { stage, lastSeenMs }]) => arm(scenario, stage, record.id, lastSeenMs + everyMs));
    },
  };
}

function everyMsOf({ source }: SourceRecord): number | undefined {
  return source.expected_every_seconds === undefined ? undefined : source.expected_every_seconds * 1000;
}

function sourceOfTimer({ body }: StageMessage): string | undefined {
  const timer: unknown = JSON.parse(Buffer.from(body).toString());
  const key: unknown = typeof timer === 'object' && timer !== null && 'key' in timer ? timer.key : undefined;
  return typeof key === 'string' && key.startsWith(KEY_PREFIX) ? key.slice(KEY_PREFIX.length) : undefined;
}

/** For the scenario's notification topic, as the notification function would have written it; none where it has no such stage. */
function silenceNotification(
  { scenarioId, rev, entrance }: StagePlan,
  { id, source }: SourceRecord,
  status: 'firing' | 'resolved',
  lastSeenMs: number,
  { seq, storedMs }: StageMessage,
): StreamMessage[] {
  const topic = entrance?.notificationTopic;
  if (topic === undefined) return [];
  const time = new Date(storedMs).toISOString();
  const correlationId = `silence.${scenarioId}.${id}.${seq}`;
  const lastSeen = new Date(lastSeenMs).toISOString();
  const name = source.name ?? id;
  const body = {
    correlation_id: correlationId,
    notification_id: SILENCE_NOTIFICATION,
    notification_data: { last_seen: lastSeen, expected_every_seconds: source.expected_every_seconds ?? null },
    time_stamp: time,
    scenario: scenarioId,
    source: id,
    rules: [SILENCE_NOTIFICATION],
    status,
    severity: 'warning',
    message:
      status === 'firing'
        ? `${name} has sent nothing since ${lastSeen}`
        : `${name} sends again, after nothing since ${lastSeen}`,
  };
  const head = new HeaderBlock().set('Nats-Msg-Id', correlationId).set(REV_HEADER, rev).attributes({
    specversion: '1.0',
    id: correlationId,
    source: id,
    type: EVENT_TYPE.notification,
    time,
    correlationid: correlationId,
    datacontenttype: 'application/json',
  });
  return [{ subject: topic, head: head.text(), body: JSON.stringify(body) }];
}
