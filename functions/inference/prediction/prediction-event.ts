import { type CloudEvent, EVENT_TYPE } from '#lib/message/cloud-event.ts';

/** The event that a prediction goes out in. Its id follows from the input's, so that an event that is processed twice makes one prediction. */
export function predictionEvent(event: CloudEvent, correlationId: string, data: object): CloudEvent {
  return {
    specversion: '1.0',
    id: `${event.id}.prediction`,
    source: event.source,
    type: EVENT_TYPE.prediction,
    ...(event.time !== undefined && { time: event.time }),
    datacontenttype: 'application/json',
    correlationid: correlationId,
    ...(event.traceparent !== undefined && { traceparent: event.traceparent }),
    data,
  };
}
