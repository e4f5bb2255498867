import { connect, type Socket } from 'node:net';
import { parentPort } from 'node:worker_threads';
import type { Load, LoadReply, Measured } from './load-client.ts';
import { processorMs } from './process-usage.ts';

const LOOPBACK = '127.0.0.1';
const EMPTY = new Uint8Array();
const HEAD_END = '\r\n\r\n';
/** Requests of each connection before anything is measured. */
const WARM_UP = 2;

parentPort?.on('message', (load: Load) => {
  measure(load).then(
    (measured) => parentPort?.postMessage({ measured } satisfies LoadReply),
    (error: unknown) => parentPort?.postMessage({ error: String(error) } satisfies LoadReply),
  );
});

async function measure(load: Load): Promise<Measured> {
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(load.port)));
  try {
    await askAll(sockets, load.requests, (count) => count >= WARM_UP * load.connections);
    const serverBefore = await processorMs(load.pid);
    const began = performance.now();
    const cpu = process.threadCpuUsage();
    const times = await askAll(sockets, load.requests, () => performance.now() - began >= load.forMs);
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.threadCpuUsage(cpu);
    const server = (await processorMs(load.pid)) ?? 0;
    times.sort((a, b) => a - b);
    const at = (part: number) => times[Math.floor(times.length * part)] ?? 0;
    return {
      perSecond: times.length / seconds,
      p50: at(0.5),
      p99: at(0.99),
      clientMs: (user + system) / 1000 / times.length,
      serverMs: serverBefore === undefined ? undefined : (server - serverBefore) / times.length,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, LOOPBACK, () => resolve(socket));
    socket.setNoDelay(true);
    socket.once('error', reject);
  });
}

/** Keeps one request in flight on each socket until told to stop; how long each took, in milliseconds. */
async function askAll(
  sockets: readonly Socket[],
  requests: readonly Uint8Array[],
  isDone: (count: number) => boolean,
): Promise<number[]> {
  const times: number[] = [];
  let sent = 0;
  const next = (): Uint8Array => requests[sent++ % requests.length] ?? EMPTY;
  await Promise.all(sockets.map((socket) => askOn(socket, next, times, isDone)));
  return times;
}

function askOn(
  socket: Socket,
  next: () => Uint8Array,
  times: number[],
  isDone: (count: number) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    const send = () => {
      sent = performance.now();
      socket.write(next());
    };
    const fail = (error: unknown) => reject(error instanceof Error ? error : new Error(String(error)));
    const read = answerReader((status, text) => {
      if (status >= 300) {
        fail(`${status} ${text()}`);
        return;
      }
      times.push(performance.now() - sent);
      if (isDone(times.length)) {
        socket.removeAllListeners('data');
        resolve();
      } else send();
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        read(chunk);
      } catch (error) {
        fail(error);
      }
    });
    socket.once('error', fail);
    socket.once('close', () => fail('the server closed the connection'));
    send();
  });
}

/** Finds where each answer ends. Answers have a Content-Length. */
function answerReader(onAnswer: (status: number, text: () => string) => void): (chunk: Buffer) => void {
  let held: Buffer = Buffer.alloc(0);
  let whole = 0;
  return (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    if (whole === 0) {
      const end = held.indexOf(HEAD_END);
      if (end < 0) return;
      const length = /content-length: *(\d+)/i.exec(held.toString('latin1', 0, end))?.[1];
      if (length === undefined) throw new Error(`an answer without a length: ${held.toString('latin1', 0, end)}`);
      whole = end + HEAD_END.length + Number(length);
    }
    if (held.length < whole) return;
    const answer = held;
    held = Buffer.alloc(0);
    whole = 0;
    onAnswer(Number(answer.toString('latin1', 9, 12)), () => answer.toString('latin1', 0, 1000));
  };
}
