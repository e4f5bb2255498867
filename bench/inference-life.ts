/**
 * The life of models: one that is replaced again and again under load, and more of them than fit the memory that they
 * are allowed. What is told is requests that failed, answers that were wrong, and what the process has in memory.
 */
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { writeClassifier } from './inference/make-model.ts';
import { type ServedModels, serveModels } from './inference/serve-models.ts';
import { residentMb } from './load/process-usage.ts';

export const about = 'a model that is replaced under load, and more models than fit: failures, answers, memory';

const KEY = 'bench';
const SWAPS = 500;
const CLIENTS = 3;
const MODELS = 40;
const ROUNDS = 5;
const MB = 1024 * 1024;
/** Of a model of 20 MB, which takes a tenth of the budget when it is in both threads. */
const HIDDEN = 1880;
const BUDGET = 400 * MB;
const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };

/** Measures and prints. `--swaps N` (500), `--rounds N` through all of the models (5); 0 leaves that part out. */
export async function run(args: readonly string[]): Promise<void> {
  const number = (name: string, fallback: number) => Number(args[args.indexOf(name) + 1 || args.length] ?? fallback);
  const swaps = number('--swaps', SWAPS);
  const rounds = number('--rounds', ROUNDS);
  if (swaps > 0) await inFolder((folder) => measureSwaps(folder, swaps));
  if (rounds > 0) await inFolder((folder) => measureBudget(folder, rounds));
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'box-bench-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureSwaps(folder: string, swaps: number): Promise<void> {
  const files = [join(folder, 'a'), join(folder, 'b')];
  for (const [i, file] of files.entries()) await writeClassifier(file, { seed: i + 1 });
  const place = async (i: number) => {
    await copyFile(files[i % 2] ?? '', join(folder, 'next'));
    await rename(join(folder, 'next'), join(folder, 'm.onnx'));
  };
  await place(0);
  const box = await serveModels(folder, ['m'], KEY);
  const asker = openAsker(box);
  console.log(`A model of 7.4 MB is replaced ${swaps} times while ${CLIENTS} clients ask`);
  try {
    const known: string[] = [];
    for (const i of [1, 0]) {
      await place(i);
      await asker.load('m');
      known.push(await asker.scores('m'));
    }
    let stop = false;
    const counts = { right: 0, wrong: 0 };
    const client = async () => {
      while (!stop) {
        if (known.includes(await asker.scores('m'))) counts.right++;
        else counts.wrong++;
      }
    };
    const clients = Array.from({ length: CLIENTS }, client);
    const began = performance.now();
    for (let i = 1; i <= swaps; i++) {
      await place(i);
      await asker.load('m');
      if (i % Math.ceil(swaps / 10) > 0) continue;
      const seconds = (performance.now() - began) / 1000;
      console.log(`  ${i} swaps in ${seconds.toFixed(0)} s: ${show([(await residentMb(box.pid)) ?? 0])} MB resident`);
    }
    stop = true;
    await Promise.all(clients);
    console.log(`${counts.right} right answers, ${counts.wrong} wrong, ${asker.failed} failed requests`);
  } finally {
    await asker.close();
    await box.close();
  }
}

async function measureBudget(folder: string, rounds: number): Promise<void> {
  const names = Array.from({ length: MODELS }, (_, i) => `m${i}`);
  for (const [i, name] of names.entries()) {
    await writeClassifier(join(folder, `${name}.onnx`), { seed: i + 1, hidden: HIDDEN });
  }
  const box = await serveModels(folder, names, KEY, { MODEL_MEMORY_BYTES: String(BUDGET) });
  const asker = openAsker(box);
  try {
    const before = (await residentMb(box.pid)) ?? 0;
    const known = new Map<string, string>();
    const [resident, loaded]: [number[], number[]] = [[], []];
    let [wrong, most] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        // Some at a time, so that a model is wanted in both threads.
        const answers = await Promise.all(Array.from({ length: CLIENTS }, () => asker.scores(name)));
        const [scores = ''] = [known.get(name), ...answers].filter((answer) => answer !== undefined);
        wrong += answers.filter((answer) => answer !== scores).length;
        known.set(name, scores);
        most = Math.max(most, (await residentMb(box.pid)) ?? 0);
      }
      resident.push((await residentMb(box.pid)) ?? 0);
      loaded.push(await asker.modelsLoaded());
    }
    const different = new Set(known.values()).size;
    console.log(
      `${MODELS} models of 20 MB in ${BUDGET / MB} MB: ${different} different answers, ${wrong} wrong, ${asker.failed} failed requests\n` +
        `  MB resident: ${before.toFixed(0)} without a model, after each round ${show(resident)}, at most ${most.toFixed(0)}: ` +
        `${((most * MB) / BUDGET).toFixed(2)} of the budget; models in memory ${show(loaded)}`,
    );
  } finally {
    await asker.close();
    await box.close();
  }
}

/** A client that counts what fails. */
function openAsker({ direct }: ServedModels) {
  const pool = new Pool(direct, { connections: CLIENTS + 1 });
  const data = Array.from({ length: 784 }, (_, i) => (i % 17) / 17);
  const input = { name: 'x', shape: [1, 784], datatype: 'FP32', data };
  const post = async (path: string, value: object): Promise<string> => {
    const body = JSON.stringify(value);
    const answer = await pool.request({ method: 'POST', path, headers: HEADERS, body });
    const text = await answer.body.text();
    if (answer.statusCode === 200) return text;
    asker.failed++;
    console.log(`  ${path}: ${answer.statusCode} ${text}`);
    return '';
  };
  const asker = {
    failed: 0,
    load: (model: string) => post(`/v2/repository/models/${model}/load`, {}),
    /** The scores alone: the rest of an answer names the model. */
    async scores(model: string): Promise<string> {
      const text = await post(`/v2/models/${model}/infer`, { inputs: [input] });
      return /"data":\[(.*?)\]/.exec(text)?.[1] ?? '';
    },
    async modelsLoaded(): Promise<number> {
      const { body } = await pool.request({ method: 'GET', path: '/metrics' });
      return Number(/^box_models_loaded{.*} (\d+)$/m.exec(await body.text())?.[1]);
    },
    close: () => pool.close(),
  };
  return asker;
}

function show(values: readonly number[]): string {
  return values.map((value) => value.toFixed(0)).join(', ');
}
