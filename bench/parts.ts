/**
 * Each function and the connector alone, as their images hold them, straight to their ports: what one of them can do in a
 * second, what processor time that takes, and the most memory. What it comes to on a board is for the board to say: run it
 * there.
 */
import { availableParallelism, cpus } from 'node:os';
import type { Appliance } from '../local/appliance.ts';
import { withImageAppliance } from './appliance/image-appliance.ts';
import { type LoadClient, openLoadClient } from './load/load-client.ts';
import { measureConnector } from './parts/connector-part.ts';
import type { Turns } from './parts/load.ts';
import { measureSensory } from './parts/sensory-part.ts';
import { measureOrchestrator, measureStages } from './parts/stages.ts';

export const about = 'events per second, processor time and memory of each function and the connector alone';

const ROUNDS = 3;
const ROUND_MS = 800;
const PARTS = ['ingestion', 'inference', 'notification', 'orchestrator', 'sensory', 'connector'];

/**
 * Measures and prints. `--rounds N`: how often (default 3). `--round MS`: how long one figure is measured at a time (800).
 * `--part NAME`: that one alone.
 */
export async function run(args: readonly string[]): Promise<void> {
  const option = (name: string): string | undefined => args[args.indexOf(name) + 1 || args.length];
  const turns = { rounds: Number(option('--rounds') ?? ROUNDS), roundMs: Number(option('--round') ?? ROUND_MS) };
  const part = option('--part');
  if (part !== undefined && !PARTS.includes(part)) throw new Error(`--part must be one of ${PARTS}, got ${part}`);
  const client = openLoadClient();
  try {
    await withImageAppliance((appliance) => measure(appliance, client, turns, part));
  } finally {
    await client.close();
  }
}

async function measure(
  appliance: Appliance,
  client: LoadClient,
  turns: Turns,
  part: string | undefined,
): Promise<void> {
  const wanted = (name: string): boolean => part === undefined || part === name;
  console.log(`${availableParallelism()} cores, ${cpus()[0]?.model}; one call in flight unless told otherwise`);
  console.log(`${'median (and range) of'.padEnd(32)} ${'a second'.padEnd(26)} ms of processor for each`);
  await measureStages(appliance, client, turns, wanted);
  if (wanted('orchestrator')) await measureOrchestrator(appliance, client, turns);
  if (wanted('sensory')) await measureSensory(appliance, client, turns);
  // Last: it ends the appliance's own connector.
  if (wanted('connector')) await measureConnector(appliance, turns);
}
