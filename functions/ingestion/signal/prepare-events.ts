import { BoxError } from '#lib/error/box-error.ts';
import { type CloudEvent, EVENT_TYPE } from '#lib/message/cloud-event.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { declaredFormat } from '../format/body-format.ts';
import type { SparkplugPayload } from '../format/sparkplug.ts';
import { nameMetrics } from '../memory/alias-memory.ts';
import { EventSignal, type SignalLimits } from './event-signal.ts';

/**
 * The events of a batch as signals are read of them: with the descriptor's content type where they have none, as MQTT knows
 * none, and the metrics of Sparkplug with their names.
 */
export async function prepareEvents(
  events: readonly CloudEvent[],
  record: ScenarioRecord,
  keepFrom: number,
  parts: { readonly store: StateStore; readonly limits: SignalLimits },
): Promise<readonly CloudEvent[]> {
  const type = record.scenario.scenario_definition.ingestion_definition?.data_descriptor.content_type;
  const typed = type === undefined ? events : events.map((event) => withType(event, type));
  const payloads = new Map<CloudEvent, SparkplugPayload>();
  for (const event of typed) {
    const payload = sparkplugOf(event, parts.limits);
    if (payload !== undefined) payloads.set(event, payload);
  }
  if (payloads.size === 0) return typed;
  const named = await nameMetrics(payloads, keepFrom, { record, store: parts.store });
  return typed.map((event) => {
    const payload = named.get(event);
    return payload === undefined ? event : decoded(event, payload);
  });
}

function withType(event: CloudEvent, type: string): CloudEvent {
  const isTyped = event.type === EVENT_TYPE.timer || declaredFormat(event.datacontenttype) !== undefined;
  return isTyped ? event : { ...event, datacontenttype: type };
}

/** The payload of an event of Sparkplug; one that cannot be read is told of when its features are made. */
function sparkplugOf(event: CloudEvent, limits: SignalLimits): SparkplugPayload | undefined {
  if (declaredFormat(event.datacontenttype) !== 'sparkplug' || event.data_base64 === undefined) return undefined;
  try {
    return new EventSignal(event, limits).json() as SparkplugPayload;
  } catch (thrown) {
    if (thrown instanceof BoxError) return undefined;
    throw thrown;
  }
}

function decoded({ data_base64: _, ...event }: CloudEvent, data: SparkplugPayload): CloudEvent {
  return { ...event, data } as CloudEvent;
}
