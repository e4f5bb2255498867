import { medianAndRange } from '../figure/median.ts';
import { peakOf } from '../footprint/resident.ts';
import type { LoadClient } from '../load/load-client.ts';
import { processorMs } from '../load/process-usage.ts';

/** What a part did of one load. */
export interface Figure {
  /** Of what it was sent: events, calls, samples. */
  readonly perSecond: number;
  /** Processor time of the part's process for each, all of its threads. */
  readonly processorMs: number;
}

/** Something to keep a part busy with. */
export interface Load {
  readonly what: string;
  measure(forMs: number): Promise<Figure>;
}

export interface Turns {
  readonly rounds: number;
  readonly roundMs: number;
}

const WARM_UP_SHARE = 0.3;

/** Measures the loads of one process in turns, and prints a line of each and the most memory that it took. */
export async function measureLoads(name: string, pid: number, loads: readonly Load[], turns: Turns): Promise<void> {
  const found = loads.map((load): { load: Load; figures: Figure[] } => ({ load, figures: [] }));
  // The first calls run code that is not compiled yet.
  for (const { load } of found) await load.measure(turns.roundMs * WARM_UP_SHARE);
  for (let round = 0; round < turns.rounds; round++) {
    for (const { load, figures } of found) figures.push(await load.measure(turns.roundMs));
  }
  console.log(`${name}: peak ${(await peakOf(pid)).toFixed(0)} MB`);
  for (const { load, figures } of found) {
    const rates = medianAndRange(figures.map(({ perSecond }) => perSecond));
    const costs = figures.map((figure) => figure.processorMs);
    console.log(`  ${load.what.padEnd(30)} ${rates.padEnd(26)} ${medianAndRange(costs, 3)}`);
  }
}

/** A load of whole requests that are sent in turn, so many at once, each of so many events. */
export function requestLoad(
  client: LoadClient,
  { port, pid }: { readonly port: number; readonly pid: number },
  load: {
    readonly what: string;
    readonly requests: readonly Uint8Array[];
    readonly connections?: number;
    readonly events?: number;
  },
): Load {
  const { what, requests, connections = 1, events = 1 } = load;
  return {
    what,
    async measure(forMs) {
      const { perSecond, serverMs = Number.NaN } = await client.measure({ port, pid, requests, connections, forMs });
      return { perSecond: perSecond * events, processorMs: serverMs / events };
    },
  };
}

/** What a process takes while `work` is done, which tells how much that was and how long it took. */
export async function meter(
  pid: number,
  work: () => Promise<{ readonly count: number; readonly seconds: number }>,
): Promise<Figure> {
  const before = await processorMs(pid);
  const { count, seconds } = await work();
  const taken = ((await processorMs(pid)) ?? Number.NaN) - (before ?? Number.NaN);
  return { perSecond: count / seconds, processorMs: taken / count };
}
