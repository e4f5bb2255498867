import { BoxError } from '#lib/error/box-error.ts';
import type { KeptState, StateStore } from '#lib/state/state-store.ts';
import { resolvedAlert } from '../alert/alert.ts';
import type { PastAlerts } from '../alert/past-alerts.ts';
import type { CompiledRule } from '../rule-set.ts';
import { type GroupState, NEW_GROUP } from './group-state.ts';
import { groupKey, type KeptGroup, keptGroup, readKeptGroup, ttlOf } from './kept-group.ts';
import { forgetTold, type Input, type MessageInput, type Step, step } from './step.ts';
import type { Timing } from './timing.ts';

/** A message, or a timer by when it was asked for: only the last one that was counts. */
export type GroupInput = Omit<MessageInput, 'sequence'> | { readonly kind: 'timer'; readonly on: string };

/** What a batch brings for one group of one rule, in order. */
export interface GroupWork {
  readonly token: string;
  readonly rule: CompiledRule & { readonly timing: Timing };
  /** Undefined where only a timer has come: then it is known, or there is nothing to do. */
  group: string | undefined;
  /** An input without a sequence comes from somebody who calls the function by hand: it counts as the group's next. */
  readonly inputs: { readonly sequence: number | undefined; readonly input: GroupInput }[];
}

export interface GroupResult {
  readonly group: string;
  /** One per input. */
  readonly steps: readonly Step[];
  /** When the group's timer is to come, RFC 3339; undefined when it needs none, or the one that was asked for will do. */
  readonly wakeOn: string | undefined;
}

export interface GroupsParts {
  readonly store: StateStore;
  readonly past: PastAlerts;
}

export interface BatchFacts {
  /** Messages before this sequence do not come again. */
  readonly keepFrom: number;
  /** The time on the wall, from which timers are counted. */
  readonly now: number;
}

/** Other writers of a group are people that acknowledge an alert, and a second replica: neither writes all the time. */
const MAX_TRIES = 8;

/**
 * Applies a batch to the groups that it concerns and keeps what they are then. Each group is for itself: after a crash
 * some are kept and some are not, and the batch that comes again gives the same for all.
 *
 * @throws BoxError `unavailable`, `storage_full`, or `conflict` when somebody else kept on writing.
 */
export async function applyToGroups(
  scenarioId: string,
  works: readonly GroupWork[],
  facts: BatchFacts,
  { store, past }: GroupsParts,
): Promise<ReadonlyMap<string, GroupResult>> {
  const results = new Map<string, GroupResult>();
  let left = works;
  for (let tries = 0; left.length > 0; tries++) {
    if (tries === MAX_TRIES) {
      throw new BoxError('conflict', `Cannot keep the state of scenario ${scenarioId}: others write it all the time`);
    }
    const kept = await store.load(left.map(({ token }) => groupKey(scenarioId, token)));
    const done = left.map((work) => apply(scenarioId, work, kept, facts));
    for (const { work, result } of done) results.set(work.token, result);
    await past.keep(done.flatMap(({ ended }) => ended));
    const changed = done.filter(({ isChanged }) => isChanged);
    const outcomes = await store.save(changed.map(({ write }) => write));
    left = changed.filter((_, i) => outcomes[i] === 'conflict').map(({ work }) => work);
  }
  return results;
}

function apply(
  scenarioId: string,
  work: GroupWork,
  loaded: ReadonlyMap<string, KeptState>,
  { keepFrom, now }: BatchFacts,
) {
  const { rule, token } = work;
  const key = groupKey(scenarioId, token);
  const { value, revision } = loaded.get(key) ?? { value: undefined, revision: 0 };
  const kept = readKeptGroup(value);
  const group = work.group ?? kept?.group ?? '';
  const run = runInputs(work, kept, now);
  const ttlMs = ttlOf(run.state, rule.timing.cooldownMs);
  const result: GroupResult = { group, steps: run.steps, wakeOn: run.isWakeWanted ? run.wakeOn : undefined };
  return {
    work,
    result,
    isChanged: run.state !== (kept?.state ?? NEW_GROUP),
    ended: run.steps.flatMap(({ ended }) => ended.map((each) => resolvedAlert(key, rule.rule.rule_name, group, each))),
    write: {
      key,
      revision,
      value: keptGroup(rule.rule.rule_name, group, forgetTold(run.state, keepFrom), run.wakeOn),
      ...(ttlMs !== undefined && { ttlMs }),
    },
  };
}

function runInputs({ rule, inputs }: GroupWork, kept: KeptGroup | undefined, now: number) {
  let state = kept?.state ?? NEW_GROUP;
  let wakeOn = kept?.wakeOn;
  let isWakeWanted = false;
  const steps = inputs.map(({ sequence = state.applied + 1, input }): Step => {
    const done = step(state, rule.timing, stepInput(input, sequence, state, wakeOn));
    state = done.state;
    if (done.wakeInMs !== undefined) wakeOn = new Date(now + done.wakeInMs).toISOString();
    if (state.wakeAt === undefined) wakeOn = undefined;
    // A crash may have come before the timer was set: it is asked for again with the message.
    if (done.wakeInMs !== undefined || done.ignored === 'processed') isWakeWanted = true;
    return done;
  });
  return { state, steps, wakeOn, isWakeWanted };
}

/** A timer that is not the one that was asked for last was on its way when it was replaced: it says nothing. */
function stepInput(input: GroupInput, sequence: number, state: GroupState, wakeOn: string | undefined): Input {
  if (input.kind === 'message') return { ...input, sequence };
  const isOurs = wakeOn !== undefined && Date.parse(wakeOn) === Date.parse(input.on);
  return { kind: 'timer', sequence, time: isOurs ? (state.wakeAt ?? 0) : 0 };
}
