import { parentPort, workerData } from 'node:worker_threads';

/** `session.run` by itself, one after the other in one thread: a message says for how long. */

const { file, input } = workerData as { file: string; input: { name: string; shape: number[] } };
const WARM_UP = 50;
/** Runs between two looks at the clock. */
const TOGETHER = 10;

// Before the library is loaded: it would report usage to its maker otherwise.
process.env.ORT_DISABLE_TELEMETRY = '1';
const { InferenceSession, Tensor } = await import('onnxruntime-node');
const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const size = input.shape.reduce((product, n) => product * n, 1);
const feeds = { [input.name]: new Tensor('float32', new Float32Array(size).fill(0.5), input.shape) };
for (let i = 0; i < WARM_UP; i++) await session.run(feeds);

parentPort?.on('message', async (forMs: number) => {
  const began = performance.now();
  const cpu = process.threadCpuUsage();
  let runs = 0;
  while (performance.now() - began < forMs) {
    for (let i = 0; i < TOGETHER; i++) await session.run(feeds);
    runs += TOGETHER;
  }
  const { user, system } = process.threadCpuUsage(cpu);
  parentPort?.postMessage([runs / ((performance.now() - began) / 1000), (user + system) / 1000 / runs]);
});
