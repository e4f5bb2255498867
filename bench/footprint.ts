/**
 * The functions and the connector as their images hold them, with real servers: what each keeps in memory, and how long
 * it takes from the start of its process to the end of its first answer.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { BATCH_CONTENT_TYPE, type CloudEvent } from '#lib/message/cloud-event.ts';
import { type Appliance, openAppliance } from '../local/appliance.ts';
import { readDigitImages } from '../local/demo/digit-images.ts';
import type { Supervised } from '../local/supervisor/supervise.ts';
import { bundleImages } from './footprint/bundle-images.ts';
import { type FirstCall, firstAnswer, type StartedPart } from './footprint/first-answer.ts';
import { type Resident, residentOf } from './footprint/resident.ts';

export const about = 'memory of each function and the connector, and the time from their start to their first answer';

const ROOT = new URL('..', import.meta.url).pathname;
const ROUNDS = 5;
/** What is freed after the start goes back to the system by then. */
const SETTLE_MS = 15_000;

/** Measures and prints. `--rounds N`: starts of each part (default 5; 0 leaves them out). */
export async function run(args: readonly string[]): Promise<void> {
  const at = args.indexOf('--rounds');
  const rounds = at >= 0 ? Number(args[at + 1]) : ROUNDS;
  const folder = await mkdtemp(join(tmpdir(), 'box-bench-'));
  try {
    const images = await bundleImages(ROOT, join(folder, 'images'));
    const place = { root: ROOT, folder: join(folder, 'box'), ports: 'free' } as const;
    const appliance = await openAppliance({ ...place, rabbitmq: 'if-installed', images });
    try {
      await appliance.rabbitmqUp;
      const rev = await measureMemory(appliance);
      if (rounds > 0) await measureStarts(appliance, rev, rounds);
    } finally {
      await appliance.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns the revision of the scenario digits, which it puts. */
async function measureMemory(appliance: Appliance): Promise<string> {
  // As Prometheus does, on a board that has nothing else to do.
  for (const { name } of appliance.processes) await scrape(appliance, name);
  await delay(SETTLE_MS);
  const idle = await residents(appliance);
  const rev = await putDigits(appliance);
  for (const { png } of (await readDigitImages(join(ROOT, 'examples/digits/images'))).slice(0, 5)) {
    await call(appliance, 'POST', 'ingestion/signal/digits/bench?wait=1', png, 'image/png');
  }
  await delay(SETTLE_MS);
  const used = await residents(appliance);
  console.log('MB resident (and with shared pages counted once): idle, with the digits model after 5 images');
  const show = ({ rss, pss }: Resident) => `${rss.toFixed(0).padStart(5)} ${`(${pss.toFixed(0)})`.padEnd(6)}`;
  const line = (name: string, a: Resident, b: Resident) => `  ${name.padEnd(13)} ${show(a)}  ${show(b)}`;
  for (const [name, resident] of idle) console.log(line(name, resident, used.get(name) ?? resident));
  console.log(line('together', sum(idle), sum(used)));
  return rev;
}

async function scrape({ env }: Appliance, name: string): Promise<void> {
  const { BOX_GATEWAY, BOX_CONNECTOR } = env;
  const { body } = await request(
    name === 'connector' ? `${BOX_CONNECTOR}/metrics` : `${BOX_GATEWAY}/function/${name}/metrics`,
  );
  await body.dump();
}

async function residents({ processes }: Appliance): Promise<Map<string, Resident>> {
  const read = async ({ name, pid }: Supervised) => [name, await residentOf(pid ?? 0)] as const;
  return new Map(await Promise.all(processes.map(read)));
}

function sum(residents: ReadonlyMap<string, Resident>): Resident {
  const all = [...residents.values()];
  return { rss: all.reduce((total, { rss }) => total + rss, 0), pss: all.reduce((total, { pss }) => total + pss, 0) };
}

/** Starts each part again beside the one that runs, with what the stage before it answered. */
async function measureStarts(appliance: Appliance, rev: string, rounds: number): Promise<void> {
  const [image] = await readDigitImages(join(ROOT, 'examples/digits/images'));
  const signal: CloudEvent = {
    specversion: '1.0',
    id: 'first',
    source: 'bench',
    type: 'thebox.signal',
    datacontenttype: 'image/png',
    data_base64: image?.png.toString('base64') ?? '',
  };
  console.log(`ms from the start of the process to the end of its first answer, median of ${rounds}`);
  let event = signal;
  for (const stage of ['ingestion', 'inference', 'notification'] as const) {
    const body = await measureStart(appliance, stage, eventsCall(appliance, stage, rev, event), rounds);
    event = outputOf(body);
  }
  await measureStart(appliance, 'orchestrator', getCall(appliance, '/scenario'), rounds);
  await measureStart(appliance, 'sensory', getCall(appliance, '/api/sensory/category'), rounds);
  await measureStart(appliance, 'connector', getCall(appliance, '/healthz'), rounds);
}

async function measureStart(appliance: Appliance, name: string, call: FirstCall, rounds: number): Promise<unknown> {
  const part = await sameAgain(appliance, name, call);
  const times: number[] = [];
  let body: unknown;
  for (let round = 0; round < rounds; round += 1) {
    const answer = await firstAnswer(part);
    times.push(answer.milliseconds);
    body = answer.body;
  }
  times.sort((a, b) => a - b);
  const [least = 0, median = 0, most = 0] = [times[0], times[Math.floor(times.length / 2)], times.at(-1)];
  console.log(`  ${name.padEnd(13)} ${median.toFixed(0).padStart(5)}  (${least.toFixed(0)} to ${most.toFixed(0)})`);
  return body;
}

/** Program and environment of a part that runs, for another process of it. */
async function sameAgain({ processes }: Appliance, name: string, call: FirstCall): Promise<StartedPart> {
  const pid = processes.find((process) => process.name === name)?.pid;
  const [command, environ] = await Promise.all(
    ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
  );
  const variables = (environ ?? '').split('\0').filter((entry) => entry !== '');
  const environment = Object.fromEntries(variables.map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
  const args = (command ?? '')
    .split('\0')
    .filter((arg) => arg !== '')
    .slice(1);
  const at = (port: number) => ({ ...environment, http_port: String(port), HTTP_PORT: String(port) });
  return { name, args, environment: at, call };
}

function eventsCall({ env }: Appliance, stage: string, rev: string, event: CloudEvent): FirstCall {
  const headers = {
    authorization: `Bearer ${env.BOX_API_KEY}`,
    'content-type': BATCH_CONTENT_TYPE,
    'box-scenario': 'digits',
    'box-scenario-rev': rev,
    'box-stage': stage,
  };
  return { method: 'POST', path: '/', headers, body: JSON.stringify([event]) };
}

function getCall({ env }: Appliance, path: string): FirstCall {
  return { method: 'GET', path, headers: { authorization: `Bearer ${env.BOX_API_KEY}`, 'api-version': '0.3.0' } };
}

/** The one event that a stage answered, as the connector would pass it on. */
function outputOf(body: unknown): CloudEvent {
  const { results } = body as { results: { events?: CloudEvent[] }[] };
  const event = results[0]?.events?.[0];
  if (event === undefined) throw new Error(`A stage answered without an event: ${JSON.stringify(body)}`);
  return { ...event, id: 'first', source: 'bench' };
}

async function putDigits(appliance: Appliance): Promise<string> {
  const scenario = await readFile(join(ROOT, 'examples/digits/scenario.json'));
  const answer = await call(appliance, 'PUT', 'orchestrator/scenario', scenario, 'application/json');
  return String(JSON.parse(answer).rev);
}

async function call(
  { env }: Appliance,
  method: 'PUT' | 'POST',
  path: string,
  body: Buffer,
  contentType: string,
): Promise<string> {
  const headers = { authorization: `Bearer ${env.BOX_API_KEY}`, 'content-type': contentType };
  const answer = await request(`${env.BOX_GATEWAY}/function/${path}`, { method, headers, body });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`);
  return text;
}
