import { LRUCache } from 'lru-cache';
import { subjectToken } from '#lib/bus/subjects.ts';
import { shortHash } from '#lib/state/short-hash.ts';
import type { Context, GroupState, Told } from './group-state.ts';

/** A group's state as it is kept. */
export interface KeptGroup {
  readonly version: 1;
  readonly rule: string;
  readonly group: string;
  readonly state: GroupState;
  /** When the timer for the state's `wakeAt` comes, by the clock on the wall: RFC 3339. */
  readonly wakeOn?: string;
}

/** Of a message that is needed later its predictions are kept too, up to this size as JSON. */
const MAX_DATA_LENGTH = 8192;
/** A group that does not hold is forgotten after this time, and its cool-down. */
const IDLE_TTL_MS = 86_400_000;

const hashes = new LRUCache<string, string>({ maxSize: 1_000_000, sizeCalculation: (_, group) => group.length + 20 });

/** What timers of a group are called; below the scenario, what its state is kept under. */
export function groupToken(ruleKey: string, group: string): string {
  let hash = hashes.get(group);
  if (hash === undefined) {
    hash = shortHash(group);
    hashes.set(group, hash);
  }
  return `${ruleKey}.${hash}`;
}

export function groupKey(scenarioId: string, token: string): string {
  return `${subjectToken(scenarioId)}.${token}`;
}

/** What was kept; undefined for nothing, or for what another version of this function kept. */
export function readKeptGroup(value: unknown): KeptGroup | undefined {
  const isOurs = typeof value === 'object' && value !== null && 'version' in value && value.version === 1;
  return isOurs ? (value as KeptGroup) : undefined;
}

/** A group as it is written: what would be too large of what it remembers is left out. */
export function keptGroup(rule: string, group: string, state: GroupState, wakeOn: string | undefined): KeptGroup {
  const { episode, told } = state;
  return {
    version: 1,
    rule,
    group: group.length > 200 ? `${group.slice(0, 199)}…` : group,
    state: {
      ...state,
      told: told.map(lightTold),
      ...(episode && { episode: { ...episode, last: light(episode.last) } }),
    },
    ...(wakeOn !== undefined && { wakeOn }),
  };
}

/** After how long a group that is not written again may go; undefined: it stays. */
export function ttlOf(state: GroupState, cooldownMs: number): number | undefined {
  return state.phase === 'idle' ? IDLE_TTL_MS + cooldownMs : undefined;
}

function lightTold(told: Told): Told {
  if (told.tellings.every(({ context }) => context === undefined)) return told;
  return {
    ...told,
    tellings: told.tellings.map((telling) =>
      telling.context === undefined ? telling : { ...telling, context: light(telling.context) },
    ),
  };
}

/** The same wherever it is made, so that what is told again is what was told first. */
export function light(context: Context): Context {
  const length = JSON.stringify(context.data)?.length ?? 0;
  return length <= MAX_DATA_LENGTH ? context : { ...context, data: null };
}
