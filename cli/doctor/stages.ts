import { ask, detailOf, member } from './answer.ts';
import type { Check, Finding } from './finding.ts';

/** Messages that wait, above which a stage is called behind. */
const BEHIND = 1000;

/** The connector, what it says of every stage, and the models. */
export const STAGE_CHECKS: readonly Check[] = [
  {
    part: 'connector',
    needs: ['BOX_CONNECTOR'],
    action: 'on a board: install.sh status, journalctl -u faasd; on a laptop .box/log/connector.log',
    async run({ BOX_CONNECTOR: connector = '' }, signal) {
      const answer = await ask(`${connector}/healthz`, signal);
      if (answer.status !== 200) throw new Error(`is not ready: ${detailOf(answer)}`);
      return [{ part: 'connector', state: 'ok', what: 'works' }];
    },
  },
  {
    part: 'stages',
    needs: ['BOX_GATEWAY', 'BOX_API_KEY'],
    action: 'the findings about gateway, key and orchestrator come first',
    async run({ BOX_GATEWAY: gateway = '', BOX_API_KEY: key = '' }, signal) {
      const answer = await ask(`${gateway}/function/orchestrator/status`, signal, { authorization: `Bearer ${key}` });
      if (answer.status !== 200) throw new Error(detailOf(answer));
      const stages = list(member(answer.body, 'scenarios')).flatMap((scenario) =>
        list(member(scenario, 'stages')).flatMap((stage) => stageFindings(String(member(scenario, 'id')), stage)),
      );
      return stages.length > 0 ? stages : [{ part: 'stages', state: 'ok', what: 'there are no scenarios' }];
    },
  },
  {
    part: 'models',
    needs: ['BOX_GATEWAY', 'BOX_API_KEY'],
    action: 'the findings about gateway, key and inference come first',
    async run({ BOX_GATEWAY: gateway = '', BOX_API_KEY: key = '' }, signal) {
      const url = `${gateway}/function/inference/v2/repository/index`;
      const answer = await ask(url, signal, { authorization: `Bearer ${key}` }, 'POST');
      if (answer.status !== 200) throw new Error(detailOf(answer));
      const models = list(answer.body);
      const ready = models.filter((model) => member(model, 'state') === 'READY').length;
      const broken = models.flatMap(modelFindings);
      return [{ part: 'models', state: 'ok', what: `${models.length} known, ${ready} in memory` }, ...broken];
    },
  },
];

function stageFindings(scenario: string, stage: unknown): Finding[] {
  const part = `${scenario}/${String(member(stage, 'stage'))}`;
  const state = member(stage, 'state');
  const waiting = Number(member(stage, 'waiting') ?? 0);
  // Counted since the scenario was first put: whether any of them are still there is a finding about NATS.
  const dead = Number(member(stage, 'dead') ?? 0);
  const error = member(member(stage, 'lastError'), 'message');
  const findings: Finding[] = [];
  if (state === 'unknown') {
    const action = 'is the connector up? It tells of a stage when it has taken the scenario up';
    findings.push({ part, state: 'failed', what: 'the connector says nothing of it', action });
  } else if (state === 'retrying') {
    const what = `tries again and again: ${String(error)}`;
    findings.push({
      part,
      state: 'failed',
      what,
      action: `what it waits for is in the error; ${waiting} messages wait`,
    });
  } else if (waiting > BEHIND) {
    const action =
      state === 'paused'
        ? 'npx box scenario resume, when it is to go on'
        : 'its function is the bottleneck, or was away';
    findings.push({ part, state: 'warning', what: `${waiting} messages wait (${String(state)})`, action });
  } else {
    const soFar = dead > 0 ? `, ${dead} put among the dead letters so far` : '';
    findings.push({ part, state: 'ok', what: `${String(state)}, ${waiting} wait${soFar}` });
  }
  return findings;
}

function modelFindings(model: unknown): Finding[] {
  const reason = String(member(model, 'reason') ?? '');
  if (member(model, 'state') === 'READY' || /^(|unloaded|not loaded yet.*)$/.test(reason)) return [];
  const what = `${String(member(model, 'name'))} does not load: ${reason}`;
  return [
    { part: 'models', state: 'failed', what, action: 'docs/models.md; put the scenario again with a model that loads' },
  ];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
