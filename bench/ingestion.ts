/**
 * Ingestion: signals to features by format and transform, in batches of 256 as the connector sends them, parsing and
 * writing of the batch left out. Pictures beside Pillow and numpy, which take turns with ours in the same run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { encode as msgpack } from '@msgpack/msgpack';
import { encode as cbor } from 'cbor2';
import sharp from 'sharp';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { openS3Files } from '../functions/ingestion/file/s3-files.ts';
import { openFeatureMaker } from '../functions/ingestion/make-features.ts';
import type { CloudEvent } from '../lib/message/cloud-event.ts';
import type { ScenarioRecord } from '../lib/scenario/scenario.ts';
import { median } from './figure/median.ts';

export const about = 'signals per second by format and transform, pictures beside Pillow and numpy';

const TURNS = 3;
const BATCH = 256;
const LIMITS = { maxPixels: 50_000_000, maxFeatureBytes: 10_000_000, maxInflatedBytes: 32_000_000 };

interface Case {
  readonly title: string;
  readonly type: string;
  readonly bodies: readonly (Buffer | object)[];
  readonly features: readonly unknown[];
  readonly window?: unknown;
  /** Signals in one message, where there are several. */
  readonly signals?: number;
  /** The same in Python, as the body of a loop over `body`. */
  readonly python?: string;
}

const array = (params: unknown) => [{ feature_name: 'x', feature_type: 'numpyarraytype', feature_params: params }];
const reading = { values: [0.1, 0.2, 0.3], t: '2026-01-01T12:30:00Z', kind: 'b', text: 'the quick brown fox jumps' };
const picture = { from: 'image', width: 28, height: 28, channels: 1, divide: 255 };
const normalised = { ...picture, width: 224, height: 224, channels: 3, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2] };

function digits(): Buffer[] {
  const folder = new URL('../examples/digits/images/', import.meta.url);
  return readdirSync(folder).flatMap((label) =>
    readdirSync(new URL(`${label}/`, folder)).map((name) => readFileSync(new URL(`${label}/${name}`, folder))),
  );
}

async function photo(side: number, format: 'png' | 'jpeg'): Promise<Buffer> {
  const pixels = Buffer.from(Array.from({ length: side * side * 3 }, (_, i) => (i * 7 + (i >> 5) * 13) % 251));
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .toFormat(format)
    .toBuffer();
}

async function cases(): Promise<Case[]> {
  const sensors = Array.from({ length: 10 }, (_, i) => `s${i}`);
  const tenSensors = sensors.map((sensor, i) => ({ sensor, value: i * 1.5, other: i }));
  const loop = (mode: string, side: number) =>
    `a = np.asarray(Image.open(io.BytesIO(body)).convert('${mode}').resize((${side}, ${side})), dtype=np.float32)`;
  return [
    {
      title: 'JSON, three numbers',
      type: 'application/json',
      bodies: [reading],
      features: array({ from: '$.values' }),
    },
    {
      title: 'JSON, scale and offset',
      type: 'application/json',
      bodies: [reading],
      features: array({ from: '$.values', scale: 2, offset: 1 }),
    },
    {
      title: 'JSON, six parts of a time',
      type: 'application/json',
      bodies: [reading],
      features: array({ from: '$.t', time: { parts: ['hour', 'minute', 'weekday', 'month', 'hour_sin', 'hour_cos'] } }),
    },
    {
      title: 'JSON, one_hot of 3',
      type: 'application/json',
      bodies: [reading],
      features: array({ from: '$.kind', one_hot: { vocabulary: ['a', 'b', 'c'] } }),
    },
    {
      title: 'JSON, bag of 4 words',
      type: 'application/json',
      bodies: [reading],
      features: array({ from: '$.text', bag_of_words: { vocabulary: ['the', 'quick', 'fox', 'dog'] } }),
    },
    {
      title: 'JSON, sums of a second by ten sensors',
      type: 'application/json',
      bodies: tenSensors,
      features: array({}),
      window: { size_seconds: 1, rows: 64, per: 'all', columns: [{ names: sensors, by: '$.sensor', of: 'sum' }] },
    },
    {
      title: 'JSON, the last 64 of each signal',
      type: 'application/json',
      bodies: tenSensors,
      features: array({}),
      window: { size_signals: 1, rows: 64, columns: [{ name: 'value' }, { name: 'other' }] },
    },
    {
      title: 'JSON, 1000 numbers',
      type: 'application/json',
      bodies: [{ x: Array.from({ length: 1000 }, (_, i) => i / 7) }],
      features: array({}),
    },
    {
      title: 'CBOR, three numbers',
      type: 'application/cbor',
      bodies: [Buffer.from(cbor(reading))],
      features: array({ from: '$.values' }),
    },
    {
      title: 'MessagePack, three numbers',
      type: 'application/msgpack',
      bodies: [Buffer.from(msgpack(reading))],
      features: array({ from: '$.values' }),
    },
    {
      title: 'SenML, three records',
      type: 'application/senml+json',
      bodies: [Buffer.from('[{"bn":"d:","n":"a","v":1},{"n":"b","v":2},{"n":"c","v":3}]')],
      features: array({ from: '$[*].v' }),
    },
    {
      title: 'CSV, 100 rows of three',
      type: 'text/csv',
      signals: 100,
      bodies: [Buffer.from(`a,b,c\n${'1.5,2.5,3.5\n'.repeat(100)}`)],
      features: array({ from: ['$.a', '$.b', '$.c'] }),
    },
    {
      title: 'PNG 28x28 grey, as it is',
      type: 'image/png',
      bodies: digits(),
      features: array(picture),
      python: `${loop('L', 28)}[None] / np.float32(255)`,
    },
    {
      title: 'PNG 64x64 to 28x28 grey',
      type: 'image/png',
      bodies: [await photo(64, 'png')],
      features: array(picture),
      python: `${loop('L', 28)}[None] / np.float32(255)`,
    },
    {
      title: 'PNG 640x640 to 224x224 RGB',
      type: 'image/png',
      bodies: [await photo(640, 'png')],
      features: array(normalised),
      python: `${loop('RGB', 224)}; a = ((a / np.float32(255) - np.float32(.5)) / np.float32(.2)).transpose(2, 0, 1).copy()`,
    },
    {
      title: 'JPEG 640x640 to 224x224 RGB',
      type: 'image/jpeg',
      bodies: [await photo(640, 'jpeg')],
      features: array(normalised),
      python: `${loop('RGB', 224)}; a = ((a / np.float32(255) - np.float32(.5)) / np.float32(.2)).transpose(2, 0, 1).copy()`,
    },
  ];
}

/** Measures and prints. `--seconds N`: length of one turn (default 0.3); `--python PATH`: a Python that has numpy and Pillow. */
export async function run(args: readonly string[] = []): Promise<void> {
  const seconds = Number(option(args, '--seconds') ?? 0.3);
  const python = await openPython(option(args, '--python') ?? 'python3');
  if (python === undefined) console.log('Python with numpy and Pillow is not here: our own figures alone.');
  console.log(
    `${'signals per second, median of three'.padEnd(38)}${'ours'.padStart(10)}${'python'.padStart(10)}   ratio`,
  );
  try {
    for (const each of await cases()) await compare(each, seconds, python);
  } finally {
    python?.close();
  }
}

async function compare(each: Case, seconds: number, python: Python | undefined): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const measure = oursOf(each);
  await measure(seconds / 3);
  for (let turn = 0; turn < TURNS; turn++) {
    ours.push(await measure(seconds));
    if (python && each.python) theirs.push(await python.measure(each.python, each.bodies as Buffer[], seconds));
  }
  const [own, other] = [median(ours), median(theirs)];
  const beside = theirs.length === 0 ? '' : `${round(other).padStart(10)}   ${(own / other).toFixed(2)}`;
  console.log(`${each.title.padEnd(38)}${round(own).padStart(10)}${beside}`);
}

function oursOf({ type, bodies, features, window, signals = 1 }: Case): (seconds: number) => Promise<number> {
  const descriptor = { ingestion_data_name: 'bench', feature_list: features, window };
  const scenario = {
    scenario_name: 'bench',
    scenario_definition: { ingestion_definition: { data_descriptor: descriptor } },
  };
  const record = { id: 'bench', rev: '1', scenario } as unknown as ScenarioRecord;
  const known = { get: async () => record, current: async () => record };
  const make = openFeatureMaker({
    scenarios: known,
    files: openS3Files(undefined),
    limits: LIMITS,
    store: openMemoryStateStore(),
    onSignals: () => undefined,
  });
  const count = signals > 1 || bodies.some((body) => Buffer.isBuffer(body) && body.length > 10_000) ? 8 : BATCH;
  const events = Array.from({ length: count }, (_, i) =>
    eventOf(i, type, bodies[i % bodies.length] as Buffer | object),
  );
  return async (seconds) => {
    const start = performance.now();
    let done = 0;
    while (performance.now() - start < seconds * 1000) {
      const { results } = await make({ events, scenarioId: 'bench', rev: '1' });
      for (const result of results) if ('error' in result) throw new Error(result.error.message);
      done += count * signals;
    }
    return done / ((performance.now() - start) / 1000);
  };
}

function eventOf(index: number, type: string, body: Buffer | object): CloudEvent {
  const data = Buffer.isBuffer(body) ? { data_base64: body.toString('base64') } : { data: body };
  return {
    specversion: '1.0',
    id: String(index),
    source: 'bench',
    type: 'thebox.signal',
    datacontenttype: type,
    ...data,
  };
}

interface Python {
  measure(loop: string, bodies: readonly Buffer[], seconds: number): Promise<number>;
  close(): void;
}

const PROGRAM = `
import base64, io, json, sys, time
import numpy as np
from PIL import Image
print("ready", flush=True)
for line in sys.stdin:
    task = json.loads(line)
    bodies = [base64.b64decode(body) for body in task["bodies"]]
    code = compile(task["loop"], "loop", "exec")
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < task["seconds"]:
        for body in bodies:
            exec(code, {"np": np, "io": io, "Image": Image, "body": body})
        done += len(bodies)
    print(done / (time.perf_counter() - start), flush=True)
`;

/** A Python that measures loops; undefined where there is none with numpy and Pillow. */
async function openPython(command: string): Promise<Python | undefined> {
  const child: ChildProcess = spawn(command, ['-c', PROGRAM], { stdio: ['pipe', 'pipe', 'ignore'] });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) return undefined;
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const started = await Promise.race([lines.next(), once(child, 'error').then(() => ({ done: true, value: '' }))]);
  if (started.done || started.value !== 'ready') return undefined;
  return {
    async measure(loop, bodies, seconds) {
      const some = bodies.slice(0, 50).map((body) => body.toString('base64'));
      stdin.write(`${JSON.stringify({ loop, bodies: some, seconds })}\n`);
      const { value } = await lines.next();
      return Number(value);
    },
    close() {
      stdin.end();
    },
  };
}

function option(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at === -1 ? undefined : args[at + 1];
}

function round(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
