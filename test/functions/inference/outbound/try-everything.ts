// Tries every way out of the machine, from the main thread and from a worker thread.
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import { connect } from 'node:net';
import { isMainThread, Worker } from 'node:worker_threads';

const tries: readonly (() => unknown)[] = [
  () => connect(80, '192.0.2.1').on('error', () => undefined),
  () => createSocket('udp4').send('x', 53, '192.0.2.2'),
  () => lookup('a.example', () => undefined),
  () => fetch('http://192.0.2.3/'),
];
for (const attempt of tries) {
  try {
    await attempt();
  } catch (error) {
    process.stdout.write(`${error}\n`);
  }
}
if (isMainThread) new Worker(import.meta.filename);
