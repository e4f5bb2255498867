import type { StageReport, StageState } from '#lib/bus/stage-status.ts';
import type { Log } from '#lib/log/log.ts';
import type { Trouble } from './batch-calls.ts';
import type { ConnectorMetrics } from './metrics.ts';
import { functionOfPlan, type StagePlan } from './stage-plan.ts';

/** What a stage is doing, told to the log, the metrics and (as a report) the status. */
export interface StageProgress {
  planned(plan: StagePlan): void;
  done(done: { readonly ok: number; readonly dead: number }): void;
  trouble(trouble: Trouble): void;
  /** The report, when it differs from the one that was taken before. */
  takeReport(): StageReport | undefined;
  /** The last report could not be delivered: it is due again. */
  keepReport(): void;
}

export interface StageProgressParts {
  readonly log: Log;
  readonly metrics: ConnectorMetrics;
  /** The stage's last report by an earlier connector; the counts go on from it. */
  readonly earlier: StageReport | undefined;
  readonly onStateChange: () => void;
}

/** The same trouble is logged once in a while, not once per try. */
const LOG_AGAIN_MS = 30_000;

export function openStageProgress(first: StagePlan, parts: StageProgressParts): StageProgress {
  const { scenarioId: scenario, stage } = first;
  let plan = first;
  let state: StageState | undefined;
  let since = new Date().toISOString();
  let lastError = parts.earlier?.lastError;
  let processed = parts.earlier?.processed ?? 0;
  let dead = parts.earlier?.dead ?? 0;
  let isDirty = true;
  const logged = new Map<string, number>();

  const enter = (next: StageState) => {
    isDirty = true;
    if (next === state) return;
    state = next;
    since = new Date().toISOString();
    parts.onStateChange();
  };
  return {
    planned(next) {
      const isNew = next.rev !== plan.rev || state === undefined;
      plan = next;
      if (isNew || next.paused !== (state === 'paused')) enter(next.paused ? 'paused' : 'running');
    },
    done(done) {
      processed += done.ok + done.dead;
      dead += done.dead;
      parts.metrics.done(scenario, stage, done.ok, done.dead);
      if (done.dead > 0) parts.log.warn({ scenario, stage, count: done.dead }, 'put among the dead letters');
      if (state === 'retrying') parts.log.info({ scenario, stage }, 'runs again');
      enter('running');
    },
    trouble({ code, message, counted }) {
      const now = Date.now();
      parts.metrics.trouble(scenario, stage, code);
      lastError = { at: new Date(now).toISOString(), code, message };
      enter('retrying');
      if (now - (logged.get(code) ?? 0) < LOG_AGAIN_MS) return;
      logged.set(code, now);
      parts.log.warn({ scenario, stage, rev: plan.rev, function: functionOfPlan(plan), code, counted }, message);
    },
    takeReport() {
      if (!isDirty) return undefined;
      isDirty = false;
      const base = { scenario, stage, rev: plan.rev, function: functionOfPlan(plan) };
      return { ...base, state: state ?? 'running', since, ...(lastError && { lastError }), processed, dead };
    },
    keepReport() {
      isDirty = true;
    },
  };
}
