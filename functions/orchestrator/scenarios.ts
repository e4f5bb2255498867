import type { StatusReader } from '#lib/bus/stage-status.ts';
import { BoxError, type Problem } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import type { Scenario, ScenarioRecord } from '#lib/scenario/scenario.ts';
import { nextRev, scenarioIdOf } from '#lib/scenario/scenario-id.ts';
import type { ScenarioStore } from '#lib/scenario/scenario-store.ts';
import { checkTopics, topicConflicts, topicWarnings } from '#lib/scenario/topics.ts';
import { openMutex } from './mutex.ts';
import type { Precondition } from './precondition.ts';
import { type ModelCheck, type ScenarioChecks, verifyScenario } from './verify-scenario.ts';

export interface ScenariosParts extends ScenarioChecks {
  readonly store: ScenarioStore;
  readonly status: Pick<StatusReader, 'waitApplied'>;
  readonly log: Log;
}

export interface PutOptions {
  readonly modelCheck: ModelCheck;
  /** What the caller knows of the scenario that is there. */
  readonly precondition: Precondition;
  /** How long to wait for the connector. */
  readonly waitMs: number;
}

/** Whether the connector works with a change; if it does not, why. */
export interface Applied {
  readonly applied: boolean;
  readonly reason?: string;
}

export interface PutResult {
  readonly record: ScenarioRecord;
  readonly created: boolean;
  readonly warnings: readonly Problem[];
  readonly connector: Applied;
}

/** What one may do with scenarios. `value` is a document from outside, not checked yet. */
export interface Scenarios {
  list(): Promise<readonly ScenarioRecord[]>;
  /** @throws BoxError `not_found`. */
  get(id: string, rev?: string): Promise<ScenarioRecord>;
  /**
   * Makes or replaces a scenario.
   *
   * @throws BoxError `invalid_argument` for a malformed document, `unprocessable` when rules or model are not in order,
   * `conflict` when its topics cannot stand beside those of another scenario or its id is taken, `precondition_failed`,
   * `unavailable` when the model could not be checked.
   */
  put(value: unknown, options: PutOptions): Promise<PutResult>;
  /** Checks everything that `put` would check, and throws what it would throw; keeps nothing. */
  validate(value: unknown, modelCheck: ModelCheck): Promise<{ id: string; warnings: readonly Problem[] }>;
  /** @throws BoxError `not_found`, `precondition_failed`. */
  remove(id: string, precondition: Precondition, waitMs: number): Promise<Applied>;
  /** @throws BoxError `not_found`, `precondition_failed`. */
  setPaused(id: string, paused: boolean, precondition: Precondition): Promise<ScenarioRecord>;
}

/** Opens the scenarios of a store. */
export function openScenarios(parts: ScenariosParts): Scenarios {
  const { store } = parts;
  // One change at a time: topics are compared with those of all others, and then written.
  const exclusively = openMutex();

  return {
    list: () => store.list(),
    async get(id, rev) {
      const record = await (rev === undefined ? store.get(id) : store.getRevision(id, rev));
      if (record === undefined) throw notFound(id, rev);
      return record;
    },
    async put(value, { modelCheck, precondition, waitMs }) {
      const scenario = parseScenario(value);
      const id = scenarioIdOf(scenario);
      // The model may take long to fetch: who would be refused anyway is told before, and others may write meanwhile.
      checkCurrent(id, scenario, await store.get(id), precondition);
      const warnings = await review(id, scenario, modelCheck, parts);
      const written = await exclusively(() => write(id, scenario, precondition, store));
      return { ...written, warnings, connector: await waitForConnector(parts, id, written.record.rev, waitMs) };
    },
    async validate(value, modelCheck) {
      const scenario = parseScenario(value);
      const id = scenarioIdOf(scenario);
      checkCurrent(id, scenario, await store.get(id), () => undefined);
      return { id, warnings: await review(id, scenario, modelCheck, parts) };
    },
    async remove(id, precondition, waitMs) {
      await exclusively(async () => {
        const record = await existing(id, precondition, store);
        await store.delete(id, record.rev);
      });
      return waitForConnector(parts, id, undefined, waitMs);
    },
    setPaused: (id, paused, precondition) =>
      exclusively(async () => {
        const record = await existing(id, precondition, store);
        if (record.paused === paused) return record;
        const changed = { ...record, paused, updatedAt: new Date().toISOString() };
        await store.put(changed, record.rev);
        return changed;
      }),
  };
}

async function existing(id: string, precondition: Precondition, store: ScenarioStore): Promise<ScenarioRecord> {
  const record = await store.get(id);
  if (record === undefined) throw notFound(id);
  precondition(record);
  return record;
}

function checkCurrent(
  id: string,
  scenario: Scenario,
  current: ScenarioRecord | undefined,
  precondition: Precondition,
): void {
  precondition(current);
  if (scenario._id !== undefined || current === undefined) return;
  // Two names may make one slug; the second must not replace the first's scenario unasked.
  const name = current.scenario.scenario_name;
  if (name === scenario.scenario_name) return;
  const rule = `its id would be ${id}, which is that of scenario "${name}"; give it an _id of its own`;
  throw new BoxError('conflict', `Cannot put scenario "${scenario.scenario_name}": ${rule}`, {
    facts: { scenario: id },
  });
}

/** Everything wrong with a scenario, thrown at once; what is only worth a warning is handed back. */
async function review(
  id: string,
  scenario: Scenario,
  modelCheck: ModelCheck,
  parts: ScenariosParts,
): Promise<readonly Problem[]> {
  const findings = await verifyScenario(scenario, modelCheck, parts);
  const all = await parts.store.list();
  const first = findings.problems[0];
  if (first === undefined) {
    checkTopics(id, scenario, all);
    if (findings.unverified !== undefined) throw findings.unverified;
    return [...topicWarnings(id, scenario, all), ...findings.warnings];
  }
  const conflicts = topicConflicts(id, scenario, all).map(({ pointer, message }) => ({ pointer, message }));
  const problems = [...findings.problems, ...conflicts];
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more, see errors)` : '';
  throw new BoxError('unprocessable', `Cannot accept scenario ${id}: ${first.pointer} ${first.message}${more}`, {
    problems,
    ...(findings.unverified !== undefined && { facts: { model_not_checked: findings.unverified.message } }),
  });
}

async function write(
  id: string,
  scenario: Scenario,
  precondition: Precondition,
  store: ScenarioStore,
): Promise<Pick<PutResult, 'record' | 'created'>> {
  const all = await store.list();
  const current = all.find((record) => record.id === id);
  checkCurrent(id, scenario, current, precondition);
  checkTopics(id, scenario, all);
  const now = new Date().toISOString();
  const kept: Scenario = { _id: id, ...scenario };
  const record: ScenarioRecord = {
    id,
    rev: nextRev(kept, now, current?.rev),
    scenario: kept,
    paused: current?.paused ?? false,
    createdAt: current?.createdAt ?? now,
    updatedAt: now,
  };
  await store.put(record, current?.rev);
  return { record, created: current === undefined };
}

/** The change is kept whatever comes of this: a connector that is away applies it when it is back. */
async function waitForConnector(
  { status, log }: ScenariosParts,
  id: string,
  rev: string | undefined,
  waitMs: number,
): Promise<Applied> {
  if (waitMs === 0) return { applied: false, reason: 'not waited for' };
  try {
    await status.waitApplied(id, rev, waitMs);
    return { applied: true };
  } catch (thrown) {
    const error = BoxError.from(thrown);
    log.warn({ scenario: id, rev, ...(error.code === 'internal' && { err: thrown }) }, error.message);
    return { applied: false, reason: error.message };
  }
}

function notFound(id: string, rev?: string): BoxError {
  const what = rev === undefined ? 'there is none of this id' : `it has no revision ${rev}, or not any more`;
  return new BoxError('not_found', `Cannot find scenario ${id}: ${what}`);
}
