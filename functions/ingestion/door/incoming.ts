import { BoxError } from '#lib/error/box-error.ts';
import { type FunctionRequest, parseJson } from '#lib/function/route.ts';
import {
  BATCH_CONTENT_TYPE,
  bareContentType,
  type CloudEvent,
  dataBytes,
  parseCloudEvent,
  STRUCTURED_CONTENT_TYPE,
} from '#lib/message/cloud-event.ts';
import { decompress } from '../format/decompress.ts';
import type { IncomingSignal } from './door.ts';

/** The most signals that one request may hand in. */
const MAX_BATCH = 1000;

/**
 * The signals of a request: one, as it came (binary mode of CloudEvents, or without any), a structured CloudEvent, or a
 * batch of those. A content encoding is undone.
 *
 * @throws BoxError `invalid_argument`, `too_large`, `unsupported_media_type`.
 */
export function readIncoming(request: FunctionRequest, maxBytes: number): IncomingSignal | readonly IncomingSignal[] {
  const { headers } = request;
  const encoding = headers['content-encoding'];
  const body = encoding === undefined ? request.body : decompress(request.body, encoding, maxBytes);
  const type = bareContentType(headers['content-type']);
  if (type === STRUCTURED_CONTENT_TYPE) return signalOf(parseCloudEvent(parseJson(body)));
  if (type === BATCH_CONTENT_TYPE) return batchOf(parseJson(body));
  return {
    body,
    contentType: headers['content-type'],
    id: headers['idempotency-key'] ?? headers['ce-id'],
    time: headers['ce-time'],
    traceparent: headers.traceparent,
  };
}

function batchOf(value: unknown): IncomingSignal[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_BATCH) {
    throw new BoxError(
      'invalid_argument',
      `Cannot take signals: a batch must be a list of 1 to ${MAX_BATCH} CloudEvents`,
    );
  }
  return value.map((event) => signalOf(parseCloudEvent(event)));
}

function signalOf(event: CloudEvent): IncomingSignal {
  return {
    body: dataBytes(event),
    contentType: event.datacontenttype ?? 'application/json',
    id: event.id,
    time: event.time,
    traceparent: event.traceparent,
  };
}
