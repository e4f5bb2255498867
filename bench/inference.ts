/**
 * Requests per second of the inference function over the Open Inference Protocol, straight to its port and through the
 * gateway, beside a raw `session.run` loop in one thread and beside Seldon's MLServer with the same models and the same
 * client. They take turns, so that a neighbour on the machine slows all: the ratios are of neighbours in time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, medianAndRange } from './figure/median.ts';
import { type Format, inferRequest } from './inference/infer-request.ts';
import { type BenchModel, writeClassifier, writeSqueezenet, writeTiny } from './inference/make-model.ts';
import { type MlServer, startMlServer } from './inference/mlserver.ts';
import { type ServedModels, serveModels } from './inference/serve-models.ts';
import { openSessionLoop, type SessionLoop } from './inference/session-loop.ts';
import { type LoadClient, type Measured, openLoadClient } from './load/load-client.ts';

export const about = 'requests per second and latency of models by name, beside session.run alone and beside MLServer';

const KEY = 'bench';
const ROUNDS = 3;
const ROUND_MS = 2000;
const WAYS = ['direct', 'gateway', 'MLServer'] as const;
type Way = (typeof WAYS)[number];

interface Figure extends Measured {
  readonly ofLoop: number;
}

interface Places {
  readonly box: ServedModels;
  readonly mlserver: MlServer | undefined;
  readonly client: LoadClient;
}

/**
 * Measures and prints. `--round MS`: how long one figure is measured at a time (default 2000). `--rounds N`: how often
 * (3). `--model NAME`: that one alone. `--way direct|gateway|MLServer`: that one alone, may be given again.
 */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  const folder = await mkdtemp(join(tmpdir(), 'box-bench-'));
  const fileOf = (name: string) => join(folder, `${name}.onnx`);
  const all = [
    await writeTiny(fileOf('tiny')),
    await writeClassifier(fileOf('classifier')),
    await writeSqueezenet(fileOf('squeezenet')),
  ];
  const models = all.filter(({ name }) => options.model === undefined || options.model === name);
  const names = models.map(({ name }) => name);
  const mlserver = options.ways.includes('MLServer')
    ? await startMlServer(join(folder, 'mlserver'), models, fileOf).catch((error: unknown) => {
        console.log(`Without MLServer: ${error instanceof Error ? error.message : error}`);
        return undefined;
      })
    : undefined;
  const box = await serveModels(folder, names, KEY);
  const places = { box, mlserver, client: openLoadClient() };
  console.log(`${availableParallelism()} cores; median of ${options.rounds} rounds (lowest to highest)`);
  try {
    for (const model of models) {
      const loop = openSessionLoop(fileOf(model.name), { name: 'x', shape: model.shape });
      try {
        await measureModel(model, loop, places, options);
      } finally {
        await loop.close();
      }
    }
  } finally {
    await places.client.close();
    await box.close();
    await mlserver?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Options {
  readonly roundMs: number;
  readonly rounds: number;
  readonly model: string | undefined;
  readonly ways: readonly Way[];
}

function readOptions(args: readonly string[]): Options {
  const all = (name: string) => args.flatMap((arg, i) => (args[i - 1] === name ? [arg] : []));
  const ways = WAYS.filter((way) => all('--way').includes(way));
  return {
    roundMs: Number(all('--round')[0] ?? ROUND_MS),
    rounds: Number(all('--rounds')[0] ?? ROUNDS),
    model: all('--model')[0],
    ways: ways.length > 0 ? ways : WAYS,
  };
}

async function measureModel(model: BenchModel, loop: SessionLoop, places: Places, options: Options): Promise<void> {
  const found = new Map<string, Map<Way, Figure[]>>();
  const loops: number[] = [];
  const loopMs: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const format of ['JSON', 'binary'] as const) {
      for (const clients of [1, 16]) {
        const alone = await loop.measure(options.roundMs);
        loops.push(alone.perSecond);
        loopMs.push(alone.processorMs);
        const label = `${format.padEnd(6)} ${String(clients).padStart(2)} in flight`;
        const ways = found.get(label) ?? new Map<Way, Figure[]>();
        found.set(label, ways);
        for (const way of options.ways) {
          const measured = await measureWay(way, model, format, clients, places, options.roundMs);
          if (measured)
            ways.set(way, [...(ways.get(way) ?? []), { ...measured, ofLoop: measured.perSecond / alone.perSecond }]);
        }
      }
    }
  }
  console.log(
    `\n${model.name} [${model.shape.join(', ')}]: session.run alone, one thread: ${medianAndRange(loops, 0)}/s, processor ms ${medianAndRange(loopMs, 2)}`,
  );
  for (const [label, ways] of found) {
    for (const [way, figures] of ways) console.log(`  ${label}  ${way.padEnd(8)} ${line(figures)}`);
    const [ours = [], theirs = []] = [ways.get('direct'), ways.get('MLServer')];
    const times = ours.flatMap(({ perSecond }, i) => (theirs[i] ? [perSecond / theirs[i].perSecond] : []));
    if (times.length > 0) console.log(`  ${label}  direct is ${medianAndRange(times, 1)} times MLServer`);
  }
}

async function measureWay(
  way: Way,
  model: BenchModel,
  format: Format,
  connections: number,
  { box, mlserver, client }: Places,
  forMs: number,
): Promise<Measured | undefined> {
  // It answers a binary tensor with 500.
  if (way === 'MLServer' && (mlserver === undefined || format === 'binary')) return undefined;
  const base = way === 'MLServer' ? `http://127.0.0.1:${mlserver?.port}` : box[way];
  const pid = way === 'MLServer' ? (mlserver?.pid ?? 0) : box.pid;
  const url = `${base}/v2/models/${model.name}/infer`;
  const request = inferRequest(url, model, format, KEY);
  const load = { port: Number(new URL(url).port), pid, requests: [request], connections };
  // The first load of a model, and code that is not compiled yet, are not what is measured.
  await client.measure({ ...load, forMs: forMs / 10 });
  return client.measure({ ...load, forMs });
}

function line(figures: readonly Figure[]): string {
  const of = (read: (figure: Figure) => number, digits: number) => median(figures.map(read)).toFixed(digits);
  const cost = figures.every(({ serverMs }) => serverMs !== undefined)
    ? `, processor ms: server ${of(({ serverMs }) => serverMs ?? 0, 2)}, client ${of(({ clientMs }) => clientMs, 2)}`
    : '';
  const rates = medianAndRange(
    figures.map(({ perSecond }) => perSecond),
    0,
  );
  const ofLoop = medianAndRange(
    figures.map((figure) => figure.ofLoop),
    2,
  );
  return `${rates}/s, ${ofLoop} of the loop, p50 ${of(({ p50 }) => p50, 2)} ms, p99 ${of(({ p99 }) => p99, 2)} ms${cost}`;
}
