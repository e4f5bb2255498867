import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { parentPort } from 'node:worker_threads';
import { BATCH_CONTENT_TYPE } from '#lib/message/cloud-event.ts';

/** A gateway whose every function reads batches alone and answers each event with itself. Tells its port. */
const server = createServer(async (request, response) => {
  const body = await buffer(request);
  if (request.headers['content-type'] !== BATCH_CONTENT_TYPE) {
    response.writeHead(415).end();
    return;
  }
  const events = JSON.parse(body.toString()) as { readonly id: string }[];
  const results = events.map((event) => ({ id: event.id, events: [event] }));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ results }));
});
server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
