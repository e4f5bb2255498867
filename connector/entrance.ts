import type { NatsConnection } from '@nats-io/nats-core';
import type { StoredPublish } from '#lib/bus/stored-publish.ts';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { SecretFiles } from '#lib/secret/secret-files.ts';
import { openQuotas } from '#lib/source/quotas.ts';
import { openRefusals } from '#lib/source/refusals.ts';
import { openSeenSignatures } from '#lib/source/seen-signatures.ts';
import type { SourceRecord } from '#lib/source/source.ts';
import type { SourceFeed } from '#lib/source/source-store.ts';
import { openTallyStore } from '#lib/source/source-tally.ts';
import { type Admission, openAdmission } from './admission.ts';
import type { ConnectorMetrics } from './metrics.ts';
import { openSourceLogins, type SourceLoginOptions } from './source-logins.ts';
import { NO_SOURCES, openSourceRegistry } from './source-registry.ts';
import { openSourceSilence } from './source-silence.ts';
import { openSourceTallies } from './source-tallies.ts';

/** Where signals come in: whose they are, and what is counted of them. */
export interface EntranceControl {
  readonly admission: Admission;
  /** The scenario is no more: what came for it is forgotten. */
  forget(scenario: string): void;
  /** Follows the sources no more; what waits for them goes on. */
  stopFollowing(): Promise<void>;
  /** Writes down what was counted. */
  close(): Promise<void>;
}

export interface EntranceParts {
  readonly connection: NatsConnection;
  readonly stored: StoredPublish;
  readonly sources?: SourceFeed;
  readonly logins?: SourceLoginOptions;
  readonly secrets: SecretFiles;
  readonly metrics: ConnectorMetrics;
  readonly log: Log;
}

const FLUSH_EVERY_MS = 2000;
const PUBLISH_TIMEOUT_MS = 5000;

/** @throws BoxError `unavailable` when the bus does not answer. */
export async function openEntrance(parts: EntranceParts): Promise<EntranceControl> {
  const { connection, stored, secrets, log, metrics } = parts;
  const [tallyStore, seen] = await Promise.all([openTallyStore(connection), openSeenSignatures(connection)]).catch(
    (cause: unknown) => {
      throw new BoxError('unavailable', `Cannot use JetStream: ${errorText(cause)}`, { cause });
    },
  );
  const tallies = await openSourceTallies(tallyStore, log);
  const refusals = openRefusals(log, metrics.refused);
  const expect = async (record: SourceRecord): Promise<void> => {
    const outcomes = await stored.publish(silence.expect(record), PUBLISH_TIMEOUT_MS);
    const failed = outcomes.find((outcome) => outcome instanceof BoxError);
    if (failed !== undefined)
      log.warn({ source: record.id, err: failed }, 'its silence is watched from its next signal on');
  };
  const registry = openSourceRegistry({
    feed: parts.sources ?? NO_SOURCES,
    log,
    onChange(id, record) {
      logins?.changed(id);
      if (record !== undefined) void expect(record);
    },
  });
  const silence = openSourceSilence(registry, tallies);
  const logins =
    parts.logins === undefined
      ? undefined
      : await openSourceLogins({ connection, registry, refusals, log, ...parts.logins });
  const timer = setInterval(() => void tallies.flush(), FLUSH_EVERY_MS);
  return {
    admission: openAdmission({ registry, tallies, silence, seen, quotas: openQuotas(), secrets, refusals }),
    forget: (scenario) => tallies.forget(scenario),
    async stopFollowing() {
      await Promise.all([registry.close(), logins?.close()]);
    },
    async close() {
      clearInterval(timer);
      await tallies.flush();
    },
  };
}
