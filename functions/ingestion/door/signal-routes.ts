import type { FunctionRequest, FunctionResponse, Route } from '#lib/function/route.ts';
import type { Door } from './door.ts';

/** Who may hand in a signal: throws when the caller may not. */
export type DoorAccess = (request: FunctionRequest) => Promise<void>;

/** The door's HTTP routes. */
export function signalRoutes(door: Door, access: DoorAccess): Route[] {
  return ['/signal/:scenario', '/signal/:scenario/:source'].map((path) => ({
    method: 'POST',
    path,
    access,
    handle: (request) => takeSignal(request, door),
  }));
}

async function takeSignal(request: FunctionRequest, door: Door): Promise<FunctionResponse> {
  const { headers, params } = request;
  const { correlationId, duplicate } = await door.take(params.scenario ?? '', params.source, {
    body: request.body,
    contentType: headers['content-type'],
    id: headers['idempotency-key'] ?? headers['ce-id'],
    time: headers['ce-time'],
    traceparent: headers.traceparent,
  });
  return {
    status: 202,
    headers: { 'box-correlation-id': correlationId },
    body: { correlation_id: correlationId, ...(duplicate && { duplicate }) },
  };
}
