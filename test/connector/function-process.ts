import { createServer } from 'node:http';

/**
 * A function as a process of its own, to be killed: it answers a batch with one output per event, after some milliseconds in which it can die,
 * and ends with an event `"poison"`. To `{"large": n}` it answers n letters. As the template's runtime does, it tells how long it has lived.
 * An event `"hold"` it answers when `/release` is asked for; `/held` is answered once it has it. The port is its only argument.
 */
const port = Number(process.argv[2]);
const held = Promise.withResolvers<void>();
const released = Promise.withResolvers<void>();

createServer(async (request, response) => {
  response.setHeader('box-uptime-seconds', process.uptime().toFixed(3));
  if (request.url?.endsWith('/healthz')) {
    response.end();
    return;
  }
  if (request.url === '/held') await held.promise;
  if (request.url === '/release') released.resolve();
  if (request.url === '/held' || request.url === '/release') {
    response.end();
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const id = request.headers['ce-id'];
  const events = id === undefined ? JSON.parse(body) : [{ id, data: JSON.parse(body) }];
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (events.some((event: { data: unknown }) => event.data === 'poison')) process.exit(1);
  if (events.some((event: { data: unknown }) => event.data === 'hold')) {
    held.resolve();
    await released.promise;
  }
  const results = events.map((event: { id: string; data: { large?: number } | null }) => ({
    id: event.id,
    events: [{ data: event.data?.large === undefined ? event.data : 'x'.repeat(event.data.large) }],
  }));
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ results }));
}).listen(port, '127.0.0.1', () => process.send?.('listening'));
