import { parentPort, workerData } from 'node:worker_threads';

const { file, input } = workerData as { file: string; input: { name: string; shape: number[] } };

// Before the library is loaded: it would report usage to its maker otherwise.
process.env.ORT_DISABLE_TELEMETRY = '1';
const { InferenceSession, Tensor } = await import('onnxruntime-node');
const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const size = input.shape.reduce((product, n) => product * n, 1);
const feeds = { [input.name]: new Tensor('float32', new Float32Array(size).fill(0.5), input.shape) };
for (let i = 0; i < 50; i++) await session.run(feeds);
const started = performance.now();
let runs = 0;
while (performance.now() - started < 2000) {
  for (let i = 0; i < 20; i++) await session.run(feeds);
  runs += 20;
}
parentPort?.postMessage(runs / ((performance.now() - started) / 1000));
