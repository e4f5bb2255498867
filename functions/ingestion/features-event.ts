import { BoxError } from '#lib/error/box-error.ts';
import { isRecord } from '#lib/json/json-object.ts';
import type { Feature, FeaturesBody } from '#lib/message/body.ts';
import { type CloudEvent, correlationIdOf, EVENT_TYPE } from '#lib/message/cloud-event.ts';
import type { DataDescriptor } from '#lib/scenario/scenario.ts';

/**
 * The features of an event as the event that goes on: of the same source and time, with its correlation id.
 *
 * @throws BoxError `too_large` for more than `maxBytes` as JSON.
 */
export function featuresEvent(
  event: CloudEvent,
  descriptor: DataDescriptor,
  features: readonly Feature[],
  maxBytes: number,
): CloudEvent {
  const correlationId = correlationIdOf(event);
  const data: FeaturesBody = {
    correlation_id: correlationId,
    data_descriptor_name: descriptor.ingestion_data_name,
    feature_data: features,
  };
  checkSize(data, maxBytes);
  return {
    specversion: '1.0',
    // The same signal always makes the same id, so that a batch which is processed again is recognised.
    id: `${event.id}.features`,
    source: event.source,
    type: EVENT_TYPE.features,
    ...(event.time !== undefined && { time: event.time }),
    datacontenttype: 'application/json',
    correlationid: correlationId,
    ...(event.traceparent !== undefined && { traceparent: event.traceparent }),
    data,
  };
}

/** One of several signals in an event: its ids are the event's with a number. */
export function partOf(event: CloudEvent, index: number): CloudEvent {
  return { ...event, id: `${event.id}.${index}`, correlationid: `${correlationIdOf(event)}.${index}` };
}

/** Most messages are far below the limit, and told so without being written: only what may be near it is measured exactly. */
function checkSize(data: FeaturesBody, maxBytes: number): void {
  const rough = data.feature_data.reduce((sum, feature) => sum + roughBytes(feature), 1000);
  if (rough <= maxBytes) return;
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes <= maxBytes) return;
  throw new BoxError('too_large', `Cannot send features: the message may have ${maxBytes} bytes at most, got ${bytes}`);
}

const NUMBER_BYTES = 30;

/** At most what a feature takes as JSON; endless where that is not seen at once. */
function roughBytes({ feature_name: name, data }: Feature): number {
  const head = 100 + 6 * name.length;
  if (typeof data === 'number') return head + NUMBER_BYTES;
  if (Array.isArray(data)) {
    return typeof data[0] === 'number' ? head + NUMBER_BYTES * data.length : Number.POSITIVE_INFINITY;
  }
  if (isRecord(data) && typeof data.data === 'string') return head + 500 + data.data.length;
  return Number.POSITIVE_INFINITY;
}
