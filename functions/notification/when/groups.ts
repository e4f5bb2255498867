import { BoxError } from '#lib/error/box-error.ts';
import type { KeptState, StateStore } from '#lib/state/state-store.ts';
import { resolvedAlert } from '../alert/alert.ts';
import type { PastAlerts } from '../alert/past-alerts.ts';
import type { CompiledRule } from '../rule-set.ts';
import { NEW_GROUP } from './group-state.ts';
import { groupKey, keptGroup, readKeptGroup, ttlOf } from './kept-group.ts';
import { forgetTold, type MessageInput, type Step, step, type TimerInput } from './step.ts';
import type { Timing } from './timing.ts';

/** An input without a sequence comes from somebody who calls the function by hand: it counts as the group's next. */
type WorkInput = Omit<MessageInput, 'sequence'> | Omit<TimerInput, 'sequence'>;

/** What a batch brings for one group of one rule, in order. */
export interface GroupWork {
  readonly token: string;
  readonly rule: CompiledRule & { readonly timing: Timing };
  /** Undefined where only a timer has come: then it is known, or there is nothing to do. */
  group: string | undefined;
  readonly inputs: { readonly sequence: number | undefined; readonly input: WorkInput }[];
}

export interface GroupResult {
  readonly group: string;
  /** One per input. */
  readonly steps: readonly Step[];
  /** The timer that the group needs; undefined when none, or the one that was asked for will do. */
  readonly wakeAt: number | undefined;
}

export interface GroupsParts {
  readonly store: StateStore;
  readonly past: PastAlerts;
}

/** Other writers of a group are people that acknowledge an alert, and a second replica: neither writes all the time. */
const MAX_TRIES = 8;

/**
 * Applies a batch to the groups that it concerns and keeps what they are then. Each group is for itself: after a crash
 * some are kept and some are not, and the batch that comes again gives the same for all.
 *
 * @param keepFrom messages before this sequence do not come again.
 * @throws BoxError `unavailable`, `storage_full`, or `conflict` when somebody else kept on writing.
 */
export async function applyToGroups(
  scenarioId: string,
  works: readonly GroupWork[],
  keepFrom: number,
  { store, past }: GroupsParts,
): Promise<ReadonlyMap<string, GroupResult>> {
  const results = new Map<string, GroupResult>();
  let left = works;
  for (let tries = 0; left.length > 0; tries++) {
    if (tries === MAX_TRIES) {
      throw new BoxError('conflict', `Cannot keep the state of scenario ${scenarioId}: others write it all the time`);
    }
    const kept = await store.load(left.map(({ token }) => groupKey(scenarioId, token)));
    const done = left.map((work) => apply(scenarioId, work, kept, keepFrom));
    for (const { work, result } of done) results.set(work.token, result);
    await past.keep(done.flatMap(({ ended }) => ended));
    const changed = done.filter(({ isChanged }) => isChanged);
    const outcomes = await store.save(changed.map(({ write }) => write));
    left = changed.filter((_, i) => outcomes[i] === 'conflict').map(({ work }) => work);
  }
  return results;
}

function apply(scenarioId: string, work: GroupWork, loaded: ReadonlyMap<string, KeptState>, keepFrom: number) {
  const { rule, token } = work;
  const key = groupKey(scenarioId, token);
  const { value, revision } = loaded.get(key) ?? { value: undefined, revision: 0 };
  const kept = readKeptGroup(value);
  const group = work.group ?? kept?.group ?? '';
  const before = kept?.state ?? NEW_GROUP;
  let state = before;
  const steps = work.inputs.map(({ sequence = state.applied + 1, input }) => {
    const done = step(state, rule.timing, { ...input, sequence });
    state = done.state;
    return done;
  });
  const ttlMs = ttlOf(state, rule.timing.cooldownMs);
  const result: GroupResult = {
    group,
    steps,
    wakeAt: steps.some(({ wakeAt }) => wakeAt !== undefined) ? state.wakeAt : undefined,
  };
  return {
    work,
    result,
    isChanged: state !== before,
    ended: steps.flatMap(({ ended }) => ended.map((each) => resolvedAlert(key, rule.rule.rule_name, group, each))),
    write: {
      key,
      revision,
      value: keptGroup(rule.rule.rule_name, group, forgetTold(state, keepFrom)),
      ...(ttlMs !== undefined && { ttlMs }),
    },
  };
}
