/**
 * Requests per second of the inference function over the Open Inference Protocol, straight to its port and through the
 * gateway, beside a raw `session.run` loop in one thread. They take turns, so that a neighbour on the machine slows all.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Pool } from 'undici';
import { type Gateway, openGateway } from '../local/gateway/gateway.ts';
import { type FunctionProcess, startFunction } from '../local/supervisor/function-process.ts';
import { readStackFile } from '../local/supervisor/stack-file.ts';
import { type BenchModel, writeClassifier, writePicture, writeTiny } from './inference/make-model.ts';

export const about = 'requests per second and latency of models by name, JSON and binary, beside session.run alone';

const ROOT = new URL('..', import.meta.url).pathname;
const KEY = 'bench';
const ROUNDS = 3;
const ROUND_MS = 2000;

interface Served {
  readonly direct: string;
  readonly gateway: string;
  close(): Promise<void>;
}

interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Measures and prints. `--round MS`: how long one figure is measured at a time (default 2000). */
export async function run(args: readonly string[]): Promise<void> {
  const at = args.indexOf('--round');
  const roundMs = at >= 0 ? Number(args[at + 1]) : ROUND_MS;
  const folder = await mkdtemp(join(tmpdir(), 'box-bench-'));
  const file = (name: string) => join(folder, `${name}.onnx`);
  const models = [
    await writeTiny(file('tiny')),
    await writeClassifier(file('classifier')),
    await writePicture(file('picture')),
  ];
  const served = await serve(folder, models);
  try {
    for (const model of models) await measure(model, file(model.name), served, roundMs);
  } finally {
    await served.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The function as `npm start` runs it, a gateway before it, and scenarios that name the models. */
async function serve(folder: string, models: readonly BenchModel[]): Promise<Served> {
  await mkdir(join(folder, 'secrets'));
  await writeFile(join(folder, 'secrets', 'box-api-key'), KEY);
  const scenarios = createServer((_request, response) => response.end(JSON.stringify(models.map(scenarioOf))));
  const definition = (await readStackFile(join(ROOT, 'stack.yml'), {})).find(({ name }) => name === 'inference');
  if (definition === undefined) throw new Error('stack.yml has no function inference');
  const inference = startFunction({
    definition,
    templates: join(ROOT, 'templates'),
    environment: {
      GATEWAY_URL: await listen(scenarios),
      SECRETS_DIR: join(folder, 'secrets'),
      MODEL_ROOT: folder,
      MODEL_CACHE_DIR: join(folder, 'cache'),
      S3_ENDPOINT: '',
      LOG_LEVEL: 'error',
    },
  });
  await inference.ready;
  const gateway = await openGateway({
    functions: {
      list: () => [inference.deployed],
      find: (name) => (name === 'inference' ? inference.deployed : undefined),
    },
    login: { user: 'admin', password: KEY },
  });
  return servedBy(inference, gateway, scenarios);
}

function servedBy(inference: FunctionProcess, gateway: Gateway, scenarios: Server): Served {
  return {
    direct: inference.deployed.origin,
    gateway: `${gateway.url}/function/inference`,
    async close() {
      await gateway.close();
      await inference.process.stop();
      scenarios.closeAllConnections();
      scenarios.close();
    },
  };
}

function scenarioOf({ name }: BenchModel): object {
  const model_descriptor = {
    model_type: 'ONNX',
    model_name: name,
    model_input_info: [],
    model_output_info: [],
    model_location: `${name}.onnx`,
  };
  return { scenario_name: name, scenario_definition: { inference_definition: { model_descriptor } } };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function measure(model: BenchModel, file: string, served: Served, roundMs: number): Promise<void> {
  const loops: number[] = [];
  const found = new Map<string, Measured[]>();
  for (let round = 0; round < ROUNDS; round++) {
    loops.push(await measureLoop(file, model));
    for (const format of ['JSON', 'binary'] as const) {
      for (const way of ['direct', 'gateway'] as const) {
        for (const clients of [1, 16]) {
          const label = `${format.padEnd(6)} ${way.padEnd(7)} ${String(clients).padStart(2)} in flight`;
          const measured = await measureRequests(
            `${served[way]}/v2/models/${model.name}/infer`,
            model,
            format,
            clients,
            roundMs,
          );
          found.set(label, [...(found.get(label) ?? []), measured]);
        }
      }
    }
  }
  const loop = median(loops);
  console.log(
    `${model.name} [${model.shape.join(', ')}]: session.run alone, one thread: ${loop.toFixed(0)} runs/s (${spread(loops)})`,
  );
  for (const [label, rounds] of found) {
    const rates = rounds.map(({ perSecond }) => perSecond);
    const rate = median(rates);
    const p50 = median(rounds.map((each) => each.p50));
    const p99 = median(rounds.map((each) => each.p99));
    console.log(
      `  ${label}: ${rate.toFixed(0).padStart(6)}/s (${spread(rates)}), ${(rate / loop).toFixed(2)} of the loop, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
    );
  }
}

function measureLoop(file: string, { shape }: BenchModel): Promise<number> {
  const worker = new Worker(new URL('./floor/session-loop.worker.ts', import.meta.url), {
    workerData: { file, input: { name: 'x', shape } },
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function measureRequests(
  url: string,
  model: BenchModel,
  format: 'JSON' | 'binary',
  clients: number,
  roundMs: number,
): Promise<Measured> {
  const { body, headers } = format === 'JSON' ? jsonRequest(model) : binaryRequest(model);
  const { origin, pathname: path } = new URL(url);
  const pool = new Pool(origin, { connections: clients });
  const times: number[] = [];
  const ask = async (): Promise<void> => {
    const started = performance.now();
    const answer = await pool.request({ method: 'POST', path, headers, body });
    const bytes = await answer.body.arrayBuffer();
    if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${Buffer.from(bytes).toString()}`);
    times.push(performance.now() - started);
  };
  try {
    await Promise.all(Array.from({ length: clients }, ask));
    times.length = 0;
    const began = performance.now();
    const client = async () => {
      while (performance.now() - began < roundMs) await ask();
    };
    await Promise.all(Array.from({ length: clients }, client));
    const perSecond = times.length / ((performance.now() - began) / 1000);
    times.sort((a, b) => a - b);
    return {
      perSecond,
      p50: times[Math.floor(times.length * 0.5)] ?? 0,
      p99: times[Math.floor(times.length * 0.99)] ?? 0,
    };
  } finally {
    await pool.close();
  }
}

const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };

function jsonRequest({ shape }: BenchModel) {
  const data = new Array(sizeOf(shape)).fill(0.5);
  return {
    headers: HEADERS,
    body: Buffer.from(JSON.stringify({ inputs: [{ name: 'x', shape, datatype: 'FP32', data }] })),
  };
}

function binaryRequest({ shape }: BenchModel) {
  const bytes = Buffer.from(new Float32Array(sizeOf(shape)).fill(0.5).buffer);
  const input = { name: 'x', shape, datatype: 'FP32', parameters: { binary_data_size: bytes.length } };
  const head = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  const headers = {
    ...HEADERS,
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.length),
  };
  return { headers, body: Buffer.concat([head, bytes]) };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function spread(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
}
