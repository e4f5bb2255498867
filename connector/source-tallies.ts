import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { Stage } from '#lib/scenario/scenario.ts';
import { dayOf, readTally, type ScenarioTally } from '#lib/source/source-tally.ts';
import type { StateStore } from '#lib/state/state-store.ts';

/** A signal, for who counts. */
export interface Counted {
  readonly seq: number;
  readonly bytes: number;
  readonly storedMs: number;
}

/** What came from each source, for each scenario. */
export interface SourceTallies {
  of(source: string, scenario: string): ScenarioTally | undefined;
  /** The scenarios that a source has sent to. */
  scenariosOf(source: string): readonly (readonly [scenario: string, tally: ScenarioTally])[];
  /** Counts a signal; one that comes again is not counted again. */
  count(source: string, scenario: string, stage: Stage, signal: Counted): void;
  refused(source: string, scenario: string, stage: Stage): void;
  setSilent(source: string, scenario: string, isSilent: boolean): void;
  /** The scenario is no more. */
  forget(scenario: string): void;
  /** Writes down what has changed; what cannot be written is tried with the next. */
  flush(): Promise<void>;
}

/** Opens the tallies where an earlier connector left them. */
export async function openSourceTallies(store: StateStore, log: Log): Promise<SourceTallies> {
  const tallies = new Map<string, Map<string, ScenarioTally>>();
  const revisions = new Map<string, number>();
  const changed = new Set<string>();
  for (const [source, { value, revision }] of await store.list('')) {
    tallies.set(source, new Map(Object.entries(readTally(value))));
    revisions.set(source, revision);
  }
  const change = (source: string, scenario: string, stage: Stage, next: (tally: ScenarioTally) => ScenarioTally) => {
    const own = tallies.get(source) ?? new Map<string, ScenarioTally>();
    tallies.set(source, own);
    own.set(scenario, next(own.get(scenario) ?? newTally(stage)));
    changed.add(source);
  };
  const write = async (source: string): Promise<boolean> => {
    const value = Object.fromEntries(tallies.get(source) ?? []);
    const [outcome] = await store.save([{ key: source, value, revision: revisions.get(source) ?? 0 }]);
    const kept = (await store.load([source])).get(source);
    revisions.set(source, kept?.revision ?? 0);
    return outcome === 'written';
  };
  const flush = async (): Promise<void> => {
    const due = [...changed];
    changed.clear();
    for (const source of due) {
      try {
        if (!(await write(source))) changed.add(source);
      } catch (error) {
        changed.add(source);
        log.debug({ err: BoxError.from(error) }, 'what came from a source cannot be written down yet');
      }
    }
  };
  let flushed = Promise.resolve();
  return {
    of: (source, scenario) => tallies.get(source)?.get(scenario),
    scenariosOf: (source) => [...(tallies.get(source) ?? [])],
    count(source, scenario, stage, signal) {
      change(source, scenario, stage, (tally) => counted(tally, stage, signal));
    },
    refused(source, scenario, stage) {
      change(source, scenario, stage, (tally) => ({ ...tally, refused: tally.refused + 1 }));
    },
    setSilent(source, scenario, isSilent) {
      const tally = tallies.get(source)?.get(scenario);
      if (tally !== undefined) change(source, scenario, tally.stage, (now) => ({ ...now, isSilent }));
    },
    forget(scenario) {
      for (const [source, own] of tallies) if (own.delete(scenario)) changed.add(source);
    },
    flush() {
      // One after the other: two at once would refuse each other's revision, and the last one, at the end, would not wait for the one before.
      flushed = flushed.then(flush);
      return flushed;
    },
  };
}

function newTally(stage: Stage): ScenarioTally {
  return { stage, signals: 0, bytes: 0, lastSeenMs: 0, seq: 0, refused: 0, day: 0, dayBytes: 0, isSilent: false };
}

function counted(tally: ScenarioTally, stage: Stage, { seq, bytes, storedMs }: Counted): ScenarioTally {
  if (seq <= tally.seq) return tally;
  const day = dayOf(storedMs);
  return {
    ...tally,
    stage,
    signals: tally.signals + 1,
    bytes: tally.bytes + bytes,
    lastSeenMs: Math.max(tally.lastSeenMs, storedMs),
    seq,
    day,
    dayBytes: (tally.day === day ? tally.dayBytes : 0) + bytes,
  };
}
