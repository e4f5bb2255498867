import assert from 'node:assert/strict';
import type { NatsConnection } from '@nats-io/nats-core';
import {
  openJetStreamStatusReader,
  openJetStreamStatusWriter,
  type StatusWriter,
} from '#lib/bus/jetstream-stage-status.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import type { StageReport, StatusReader } from '#lib/bus/stage-status.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { temporaryFolder } from '../../support/servers.ts';

/** Longer than anything here takes. */
const LATE_MS = 60_000;

const report: StageReport = {
  scenario: 'a.b',
  stage: 'inference',
  rev: '1-a',
  function: 'inference',
  state: 'running',
  since: '2026-11-21T12:00:00.000Z',
  processed: 3,
  dead: 1,
};

describe('StatusReader on JetStream', () => {
  let server: NatsServer;
  let connection: NatsConnection;
  let reader: StatusReader;
  let writer: StatusWriter;

  before(async () => {
    server = await startNats({ dataDir: await temporaryFolder('status') });
    connection = await connectNats({ url: server.url, name: 'test' });
    reader = await openJetStreamStatusReader(connection);
    writer = await openJetStreamStatusWriter(connection);
  });

  after(async () => {
    await connection.close();
    await server.stop();
  });

  it('stages is empty before the connector has run', async () => {
    assert.deepEqual(await reader.stages(), []);
  });

  it('stages has every stage as it was last reported, in the order of the pipeline', async () => {
    await writer.writeStage({ ...report, stage: 'notification' });
    await writer.writeStage({ ...report, processed: 2 });
    await writer.writeStage(report);
    await writer.writeStage({ ...report, scenario: 'gone' });
    await writer.removeStage('gone', 'inference');
    const stages = await reader.stages();
    assert.deepEqual(
      stages.map(({ stage, processed }) => [stage, processed]),
      [
        ['inference', 3],
        ['notification', 3],
      ],
    );
    assert.deepEqual([stages[0]?.waiting, stages[0]?.inProgress], [0, 0]);
  });

  it('waitApplied resolves for a revision that is applied already, and for one that is applied meanwhile', async () => {
    await writer.writeScenario({ scenario: 's', rev: '1-a', paused: false });
    await reader.waitApplied('s', '1-a', LATE_MS);
    const waiting = reader.waitApplied('s', '2-b', LATE_MS);
    await writer.writeScenario({ scenario: 's', rev: '2-b', paused: false });
    await waiting;
    await writer.removeScenario('s');
    await reader.waitApplied('s', undefined, LATE_MS);
  });

  it('waitApplied says deadline_exceeded when nothing happens, and why when the connector could not', async () => {
    await assert.rejects(reader.waitApplied('other', '1-a', 50), { code: 'deadline_exceeded' });
    await writer.writeScenario({ scenario: 'bad', rev: '1-a', paused: false, error: 'topic a.* has a wildcard' });
    await assert.rejects(reader.waitApplied('bad', '1-a', LATE_MS), {
      code: 'unprocessable',
      message: /topic a\.\* has a wildcard/,
    });
  });
});
