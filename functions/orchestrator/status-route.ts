import type { StageStatus, StatusReader } from '#lib/bus/stage-status.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Route } from '#lib/function/route.ts';
import { type ConsumerDefinition, consumersOf, functionOf, type ScenarioRecord } from '#lib/scenario/scenario.ts';
import type { Scenarios } from './scenarios.ts';

/** `GET /status`: what becomes of every scenario, stage by stage. */
export function statusRoute(scenarios: Scenarios, reader: Pick<StatusReader, 'stages'>): Route {
  return {
    method: 'GET',
    path: '/status',
    async handle() {
      const [records, reported] = await Promise.all([scenarios.list(), reports(reader)]);
      const body = {
        bus: reported.error === undefined ? { reachable: true } : { reachable: false, detail: reported.error },
        scenarios: records.map((record) => scenarioStatus(record, reported.stages)),
      };
      return { status: 200, body };
    },
  };
}

/** A bus that is away is part of the status, not a reason to tell none. */
async function reports(
  reader: Pick<StatusReader, 'stages'>,
): Promise<{ stages: readonly StageStatus[]; error?: string }> {
  try {
    return { stages: await reader.stages() };
  } catch (thrown) {
    const error = BoxError.from(thrown);
    if (error.code !== 'unavailable') throw error;
    return { stages: [], error: error.message };
  }
}

function scenarioStatus(record: ScenarioRecord, reported: readonly StageStatus[]) {
  const own = reported.filter(({ scenario }) => scenario === record.id);
  const { id, rev, paused, createdAt, updatedAt } = record;
  return {
    id,
    name: record.scenario.scenario_name,
    rev,
    paused,
    createdAt,
    updatedAt,
    stages: consumersOf(record.scenario).map(({ stage, definition }) => ({
      stage,
      function: functionOf(stage, definition),
      ...topicsOf(definition),
      ...stageState(
        record,
        own.find((report) => report.stage === stage),
      ),
    })),
  };
}

function topicsOf({ in_topic, out_topic }: ConsumerDefinition) {
  return { inTopic: in_topic, ...(out_topic !== undefined && { outTopic: out_topic }) };
}

/** `unknown` as long as the connector told nothing of the stage. */
function stageState(record: ScenarioRecord, report: StageStatus | undefined) {
  if (report === undefined) return { state: 'unknown', applied: false };
  const { state, since, rev, lastError, waiting, inProgress, processed, dead } = report;
  return {
    state,
    since,
    applied: rev === record.rev,
    appliedRev: rev,
    waiting,
    inProgress,
    processed,
    dead,
    ...(lastError !== undefined && { lastError }),
  };
}
