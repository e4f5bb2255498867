import { createServer } from 'node:http';

/**
 * A function as a process of its own, to be killed: it answers a batch with one output per event, after some milliseconds in which it can die.
 * The port is its only argument.
 */
const port = Number(process.argv[2]);

createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const id = request.headers['ce-id'];
  const events = id === undefined ? JSON.parse(body) : [{ id, data: JSON.parse(body) }];
  await new Promise((resolve) => setTimeout(resolve, 5));
  const results = events.map((event: { id: string; data: unknown }) => ({
    id: event.id,
    events: [{ data: event.data }],
  }));
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ results }));
}).listen(port, '127.0.0.1', () => process.send?.('listening'));
