import type { NatsConnection } from '@nats-io/nats-core';
import type { Registry } from 'prom-client';
import { openJetStreamPublisher } from '#lib/bus/jetstream-publisher.ts';
import { openJetStreamStageProgress } from '#lib/bus/jetstream-stage-progress.ts';
import { openJetStreamTopicReader } from '#lib/bus/jetstream-topic-reader.ts';
import { SOURCE_CHANGED_SUBJECT } from '#lib/bus/subjects.ts';
import type { Route } from '#lib/function/route.ts';
import type { Log } from '#lib/log/log.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import type { SecretFiles } from '#lib/secret/secret-files.ts';
import { openQuotas } from '#lib/source/quotas.ts';
import { openRefusals, refusalCounter } from '#lib/source/refusals.ts';
import { openSeenSignatures } from '#lib/source/seen-signatures.ts';
import { openSourceClient, type SourceClient } from '#lib/source/source-client.ts';
import { openTallyStore, readTally } from '#lib/source/source-tally.ts';
import { openNatsStateStore } from '#lib/state/nats-state-store.ts';
import { openDoor } from './door.ts';
import { openGate } from './gate.ts';
import { openIdempotency } from './idempotency.ts';
import type { BodyLimits } from './lines-body.ts';
import { signalRoutes } from './signal-routes.ts';

export interface OpenDoorParts {
  readonly nats: NatsConnection;
  readonly scenarios: ScenarioClient;
  readonly secrets: SecretFiles;
  readonly gatewayUrl: string;
  readonly limits: BodyLimits;
  readonly log: Log;
  readonly registry: Registry;
}

export interface OpenedDoor {
  readonly routes: readonly Route[];
  readonly sources: SourceClient;
  close(): void;
}

const IDEMPOTENCY_BUCKET = 'thebox_idempotency';
const IDEMPOTENCY_BYTES = 256 * 1024 * 1024;

/** Opens the HTTP door for signals with all that it rests on. The connection is the caller's to close. */
export async function openHttpDoor(parts: OpenDoorParts): Promise<OpenedDoor> {
  const { nats, scenarios, secrets, gatewayUrl, limits, log } = parts;
  const publisher = openJetStreamPublisher(nats);
  const sources = openSourceClient({ gatewayUrl, secrets });
  const changed = nats.subscribe(SOURCE_CHANGED_SUBJECT, {
    callback: (error, message) => {
      if (error === null) sources.changed(message.string());
    },
  });
  void afterReconnect(nats, () => sources.missedNews());
  const tallies = await openTallyStore(nats);
  const kept = await openNatsStateStore(nats, { bucket: IDEMPOTENCY_BUCKET, maxBytes: IDEMPOTENCY_BYTES });
  const gate = openGate({
    scenarios,
    sources,
    secrets,
    seen: await openSeenSignatures(nats),
    quotas: openQuotas(),
    today: async (source, scenario) => readTally((await tallies.load([source])).get(source)?.value)[scenario],
    refusals: openRefusals(log, refusalCounter(parts.registry)),
  });
  return {
    sources,
    routes: signalRoutes({
      door: openDoor({ publisher, maxSignalBytes: limits.maxSignalBytes }),
      gate,
      idempotency: openIdempotency(kept, log),
      outcome: { reader: openJetStreamTopicReader(nats), progress: openJetStreamStageProgress(nats) },
      limits,
    }),
    close() {
      changed.unsubscribe();
      publisher.close();
    },
  };
}

async function afterReconnect(nats: NatsConnection, again: () => void): Promise<void> {
  for await (const { type } of nats.status()) if (type === 'reconnect') again();
}
