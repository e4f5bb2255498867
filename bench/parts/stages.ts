import { join } from 'node:path';
import type { Appliance } from '../../local/appliance.ts';
import { readDigitImages } from '../../local/demo/digit-images.ts';
import { putExample, ROOT } from '../appliance/image-appliance.ts';
import { startAgain } from '../appliance/start-again.ts';
import type { LoadClient } from '../load/load-client.ts';
import { rawRequest } from '../load/raw-request.ts';
import { type Load, measureLoads, requestLoad, type Turns } from './load.ts';
import { type BenchScenario, type BenchStage, callStage, stageBatch, type TopicBody } from './stage-batch.ts';

/** Messages in a call: the connector sends what waits, up to its BATCH_EVENTS. */
const BATCHES = [1, 16, 64, 256];

/** JSON of a few fields. */
export const SMALL_SIGNAL = Buffer.from(
  JSON.stringify({ sensor: 'pump 3', unit: 'mm/s', values: [0.125, 1.75, -3.5], ok: true }),
);

/** What is sent through the stages of an example. */
interface Signals {
  readonly example: string;
  readonly bodies: readonly TopicBody[];
  /** Those that are measured, and what each gets. */
  readonly stages: readonly (readonly [stage: BenchStage, gets: string])[];
}

async function signals(): Promise<Signals[]> {
  const images = await readDigitImages(join(ROOT, 'examples/digits/images'));
  return [
    {
      example: 'tiny',
      bodies: [{ contentType: 'application/json', body: SMALL_SIGNAL }],
      // Its rule does not hold for every message.
      stages: [
        ['ingestion', 'JSON of a few fields'],
        ['inference', 'a tiny model'],
      ],
    },
    {
      example: 'digits',
      bodies: images.map(({ png }) => ({ contentType: 'image/png', body: png })),
      stages: [
        ['ingestion', 'a PNG of 28 x 28'],
        ['inference', 'the digits model'],
        ['notification', 'the rule of the digits'],
      ],
    },
  ];
}

/** The functions of the stages, one after the other, each with what the one before it made. */
export async function measureStages(
  appliance: Appliance,
  client: LoadClient,
  turns: Turns,
  wanted: (part: string) => boolean,
): Promise<void> {
  for (const { example, bodies, stages } of await signals()) {
    const scenario = { id: example, rev: await putExample(appliance, example) };
    let waiting = bodies;
    for (const [stage, gets] of stages) {
      waiting = await measureStage(appliance, client, stage, scenario, waiting, async (pid, loads) => {
        if (wanted(stage)) await measureLoads(`${stage}, ${gets}`, pid, loads, turns);
      });
    }
  }
}

/** @returns what the stage made of the messages. */
async function measureStage(
  appliance: Appliance,
  client: LoadClient,
  stage: BenchStage,
  scenario: BenchScenario,
  waiting: readonly TopicBody[],
  measure: (pid: number, loads: readonly Load[]) => Promise<void>,
): Promise<readonly TopicBody[]> {
  const part = await startAgain(appliance, stage);
  const url = `http://127.0.0.1:${part.port}/`;
  const key = appliance.env.BOX_API_KEY ?? '';
  try {
    const loads = BATCHES.map((events) => {
      const { headers, body } = stageBatch(stage, scenario, waiting, events);
      const requests = [rawRequest({ method: 'POST', url, key, headers }, body)];
      return requestLoad(client, part, { what: `${events} in a call`, requests, events });
    });
    const made = await callStage(url, key, stageBatch(stage, scenario, waiting, waiting.length));
    await measure(part.pid, loads);
    return made;
  } finally {
    await part.stop();
  }
}

/** The orchestrator, asked for a scenario. */
export async function measureOrchestrator(appliance: Appliance, client: LoadClient, turns: Turns): Promise<void> {
  await putExample(appliance, 'digits');
  const part = await startAgain(appliance, 'orchestrator');
  const url = `http://127.0.0.1:${part.port}/scenario/digits`;
  const requests = [rawRequest({ method: 'GET', url, key: appliance.env.BOX_API_KEY ?? '' })];
  try {
    const loads = [1, 16].map((connections) =>
      requestLoad(client, part, { what: `GET a scenario, ${connections} at once`, requests, connections }),
    );
    await measureLoads('orchestrator', part.pid, loads, turns);
  } finally {
    await part.stop();
  }
}
