/**
 * The functions and the connector as their images hold them, with real servers: what each keeps in memory, and how long
 * it takes from the start of its process to the end of its first answer.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { BATCH_CONTENT_TYPE, type CloudEvent } from '#lib/message/cloud-event.ts';
import type { Appliance } from '../local/appliance.ts';
import { readDigitImages } from '../local/demo/digit-images.ts';
import type { Supervised } from '../local/supervisor/supervise.ts';
import { callFunction, putExample, ROOT, withImageAppliance } from './appliance/image-appliance.ts';
import { type FirstCall, startAgain } from './appliance/start-again.ts';
import { medianAndRange } from './figure/median.ts';
import { type Resident, residentOf } from './footprint/resident.ts';

export const about = 'memory of each function and the connector, and the time from their start to their first answer';

const ROUNDS = 5;
/** What is freed after the start goes back to the system by then. */
const SETTLE_MS = 15_000;

/** Measures and prints. `--rounds N`: starts of each part (default 5; 0 leaves them out). */
export async function run(args: readonly string[]): Promise<void> {
  const at = args.indexOf('--rounds');
  const rounds = at >= 0 ? Number(args[at + 1]) : ROUNDS;
  await withImageAppliance(async (appliance) => {
    const rev = await measureMemory(appliance);
    if (rounds > 0) await measureStarts(appliance, rev, rounds);
  });
}

/** @returns the revision of the scenario digits, which it puts. */
async function measureMemory(appliance: Appliance): Promise<string> {
  // As Prometheus does, on a board that has nothing else to do.
  for (const { name } of appliance.processes) await scrape(appliance, name);
  await delay(SETTLE_MS);
  const idle = await residents(appliance);
  const rev = await putExample(appliance, 'digits');
  for (const { png } of (await readDigitImages(join(ROOT, 'examples/digits/images'))).slice(0, 5)) {
    await callFunction(appliance, 'POST', 'ingestion/signal/digits/bench?wait=1', png, 'image/png');
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
  const times: number[] = [];
  let body: unknown;
  for (let round = 0; round < rounds; round += 1) {
    const part = await startAgain(appliance, name, call);
    await part.stop();
    times.push(part.milliseconds);
    body = part.body;
  }
  console.log(`  ${name.padEnd(13)} ${medianAndRange(times)}`);
  return body;
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
