/**
 * The pipeline, from a signal to its notification, beside what NATS itself and a raw `session.run` loop do in the same
 * run. The two take turns, so that a neighbour on the machine slows both.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import { type Dispatcher, Pool } from 'undici';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { type Appliance, openAppliance } from '../local/appliance.ts';
import { startNats } from '../local/server/nats.ts';
import { median, medianAndRange } from './figure/median.ts';
import { measureFloor } from './floor/bus.ts';
import { openSessionLoop } from './inference/session-loop.ts';
import { type Signals, throughput } from './pipeline/throughput.ts';

export const about =
  'signals per second and latency from door to notification, beside NATS alone and session.run alone';

const ROOT = new URL('..', import.meta.url).pathname;
const ROUNDS = 3;
const WARM_UP = 512;
const LOOP_MS = 2000;

interface Workload extends Signals {
  readonly name: string;
  readonly signals: number;
  /** The input of one `session.run`, for the raw loop. */
  readonly input: { readonly name: string; readonly shape: readonly number[] };
}

/** Measures and prints. `--signals N`: signals of the tiny model in one round (default 20,000). */
export async function run(args: readonly string[]): Promise<void> {
  const at = args.indexOf('--signals');
  const signals = at >= 0 ? Number(args[at + 1]) : 20_000;
  const folder = await mkdtemp(join(tmpdir(), 'box-bench-'));
  const appliance = await openAppliance({ root: ROOT, folder: join(folder, 'box'), ports: 'free', rabbitmq: 'never' });
  const nats = await startNats({ dataDir: join(folder, 'floor') });
  try {
    for (const workload of [await tiny(signals), await digits(Math.ceil(signals / 10))]) {
      await measure(workload, appliance, nats.url);
    }
  } finally {
    await nats.stop();
    await appliance.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function tiny(signals: number): Promise<Workload> {
  const body = Buffer.from(JSON.stringify({ values: [1, 1, 1] }));
  const input = { name: 'main_input', shape: [1, 3] };
  return { name: 'tiny', signals, contentType: 'application/json', bodies: [body], input };
}

async function digits(signals: number): Promise<Workload> {
  const images = join(ROOT, 'examples/digits/images');
  const files = (await readdir(images, { recursive: true })).filter((file) => file.endsWith('.png')).slice(0, 100);
  const bodies = await Promise.all(files.map((file) => readFile(join(images, file))));
  const input = { name: 'image', shape: [1, 1, 28, 28] };
  return { name: 'digits', signals, contentType: 'image/png', bodies, input };
}

async function measure(workload: Workload, appliance: Appliance, floorUrl: string): Promise<void> {
  const { name } = workload;
  const scenario = JSON.parse(await readFile(join(ROOT, `examples/${name}/scenario.json`), 'utf8'));
  const call = openCalls(appliance);
  const natsUrl = appliance.env.NATS_URL ?? '';
  const nc = await connectNats({ url: natsUrl, name: 'bench' });
  try {
    await call('PUT', '/function/orchestrator/scenario', JSON.stringify(scenario), 'application/json');
    const topics = {
      in: scenario.scenario_definition.ingestion_definition.in_topic as string,
      out: scenario.scenario_definition.notification_definition.out_topic as string,
    };
    await throughput(nc, workload, topics, WARM_UP);
    const pipeline: number[] = [];
    const floor: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      floor.push(await measureFloor(floorUrl, workload.signals, workload.bodies[0] ?? Buffer.alloc(0)));
      pipeline.push(await throughput(nc, workload, topics, workload.signals));
    }
    const model = await measureLoop(join(ROOT, `examples/${name}/model.onnx`), workload.input);
    const latency = await measureLatency(nc, call, workload, topics.out, scenario._id ?? name);
    console.log(`${name}: ${workload.signals} signals a round, ${ROUNDS} rounds, floor and pipeline in turns`);
    console.log(`  pipeline            ${medianAndRange(pipeline)} signals/s`);
    console.log(`  NATS alone, 3 hops  ${medianAndRange(floor)} signals/s`);
    console.log(`  ratio               ${(median(pipeline) / median(floor)).toFixed(3)}`);
    console.log(`  session.run alone   ${model.toFixed(0)} runs/s, one row each`);
    console.log(
      `  door to notification at 100 signals/s: p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms`,
    );
  } finally {
    await call.close();
    await nc.close();
  }
}

/** The time from the door's call to the notification's arrival, at 100 signals a second for ten seconds. */
async function measureLatency(
  nc: NatsConnection,
  call: Call,
  workload: Workload,
  outTopic: string,
  scenarioId: string,
): Promise<{ p50: number; p99: number }> {
  const sent = new Map<string, number>();
  const times: number[] = [];
  const total = 1000;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const subscription = nc.subscribe(outTopic, {
    callback: (_error, message) => {
      const started = sent.get(message.headers?.get('ce-correlationid') ?? '');
      if (started === undefined) return;
      times.push(performance.now() - started);
      if (times.length === total) resolve();
    },
  });
  await nc.flush();
  const ticks: Promise<unknown>[] = [];
  for (let i = 0; i < total; i++) {
    const id = `latency-${process.pid}-${i}`;
    sent.set(id, performance.now());
    const body = workload.bodies[i % workload.bodies.length] ?? Buffer.alloc(0);
    const path = `/function/ingestion/signal/${scenarioId}/bench`;
    ticks.push(call('POST', path, body, workload.contentType, { 'idempotency-key': id }));
    await new Promise((next) => setTimeout(next, 10));
  }
  await Promise.all(ticks);
  await done;
  subscription.unsubscribe();
  times.sort((a, b) => a - b);
  return { p50: times[Math.floor(total * 0.5)] ?? 0, p99: times[Math.floor(total * 0.99)] ?? 0 };
}

interface Call {
  (
    method: Dispatcher.HttpMethod,
    path: string,
    body: string | Buffer,
    contentType: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<void>;
  close(): Promise<void>;
}

function openCalls(appliance: Appliance): Call {
  const pool = new Pool(appliance.env.BOX_GATEWAY ?? '', { connections: 32 });
  const call = async (
    method: Dispatcher.HttpMethod,
    path: string,
    body: string | Buffer,
    contentType: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> => {
    const authorization = `Bearer ${appliance.env.BOX_API_KEY}`;
    const all = { authorization, 'content-type': contentType, ...headers };
    const answer = await pool.request({ method, path, body, headers: all });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`);
  };
  return Object.assign(call, { close: () => pool.close() });
}

/** Runs per second of a plain `session.run` loop in a thread of its own. */
async function measureLoop(file: string, input: Workload['input']): Promise<number> {
  const loop = openSessionLoop(file, input);
  try {
    return (await loop.measure(LOOP_MS)).perSecond;
  } finally {
    await loop.close();
  }
}
