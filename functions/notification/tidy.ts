import { subjectToken, tokenText } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import { revNumber } from '#lib/scenario/scenario-id.ts';
import type { KeptState, StateStore } from '#lib/state/state-store.ts';
import { type AlertView, endedNow, resolvedAlert } from './alert/alert.ts';
import type { PastAlerts } from './alert/past-alerts.ts';
import { openRuleSet } from './rule-set.ts';
import { readKeptGroup } from './when/kept-group.ts';

export interface TidyParts {
  readonly store: StateStore;
  readonly past: PastAlerts;
  readonly scenarios: Pick<ScenarioClient, 'current'>;
  /** The number of the newest revision that was worked with; undefined for none. */
  readonly newestRev: (scenarioId: string) => number | undefined;
  readonly now?: () => number;
}

/**
 * Lets go of the state of rules that are no more: of scenarios that were removed, with their past alerts, and of rules that
 * were changed or dropped, whose open alerts are over with that. While a scenario cannot be asked for, its state stays.
 */
export async function tidy({ store, past, scenarios, newestRev, now = Date.now }: TidyParts): Promise<void> {
  const kept = await store.list('');
  for (const token of new Set([...kept.keys()].map((key) => key.split('.', 1)[0] ?? ''))) {
    const id = tokenText(token);
    const rules = await livingRules(id, scenarios, newestRev);
    if (rules === 'unknown') continue;
    const stale = [...kept].filter(([key]) => key.startsWith(`${token}.`) && !rules.has(key.split('.')[1] ?? ''));
    if (rules.size > 0) await past.keep(stale.flatMap(([key, { value }]) => closedAlert(key, value, now())));
    await remove(store, stale);
    if (rules.size === 0) await past.drop(subjectToken(id));
  }
}

/** The keys of the rules that the scenario has now; none when it is no more. */
async function livingRules(
  id: string,
  scenarios: Pick<ScenarioClient, 'current'>,
  newestRev: TidyParts['newestRev'],
): Promise<ReadonlySet<string> | 'unknown'> {
  try {
    const record = await scenarios.current(id);
    // While the orchestrator is away an older one is answered, which knows nothing of newer rules.
    if (revNumber(record.rev) < (newestRev(id) ?? 0)) return 'unknown';
    if (record.scenario.scenario_definition.notification_definition === undefined) return new Set();
    return new Set(openRuleSet(record).map(({ key }) => key));
  } catch (error) {
    if (!(error instanceof BoxError)) throw error;
    // A rule may not compile that an earlier or a later release of this function has taken: its state is not lost with that.
    return error.code === 'not_found' ? new Set() : 'unknown';
  }
}

function closedAlert(key: string, value: unknown, at: number): AlertView[] {
  const kept = readKeptGroup(value);
  const ended = kept?.state.episode && endedNow(kept.state.episode, at);
  return kept && ended ? [resolvedAlert(key, kept.rule, kept.group, ended)] : [];
}

async function remove(store: StateStore, stale: readonly (readonly [string, KeptState])[]): Promise<void> {
  await store.save(stale.map(([key, { revision }]) => ({ key, value: undefined, revision })));
}
