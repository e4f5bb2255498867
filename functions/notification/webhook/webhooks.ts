import { createHash } from 'node:crypto';
import { AckPolicy, DeliverPolicy, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/nats-core';
import { removeConsumer } from '#lib/bus/jetstream-consumers.ts';
import { openStageQueue } from '#lib/bus/jetstream-stage-queue.ts';
import { STREAM, subjectToken } from '#lib/bus/subjects.ts';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { ScenarioRecord, Webhook } from '#lib/scenario/scenario.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import { deliver } from './deliver.ts';
import type { Post } from './post.ts';

export interface WebhooksParts {
  readonly nats: NatsConnection;
  readonly scenarios: Pick<ScenarioClient, 'current'>;
  readonly post: Post;
  readonly log: Log;
  readonly onOutcome: (scenario: string, outcome: 'sent' | 'failed' | 'given_up') => void;
  readonly firstRetryMs?: number;
}

/** Sends notifications to the receivers that scenarios name, in the background. */
export interface Webhooks {
  /** Brings the senders to what a scenario says. From then on no notification of it is missed. */
  apply(record: ScenarioRecord): Promise<void>;
  /** Goes on with what an earlier process was sending, and lets go of scenarios that are no more. */
  resume(): Promise<void>;
  close(): Promise<void>;
}

const KIND = 'webhook';
const ACK_WAIT_MS = 60_000;
const BATCH = 64;
const BATCH_BYTES = 4 * 1024 ** 2;

interface Sender {
  /** It has ended by itself: its consumer was lost. */
  isOver: boolean;
  readonly stop: () => Promise<void>;
}

/**
 * Each receiver of each scenario has a durable consumer of the stream: its place survives restarts, and a slow one holds up
 * nobody but itself. The consumers are also the list of what there is to do, so nothing else is kept.
 */
export async function openWebhooks(parts: WebhooksParts): Promise<Webhooks> {
  const manager = await jetstreamManager(parts.nats).catch((cause: unknown) => {
    throw new BoxError('unavailable', `Cannot use JetStream: ${errorText(cause)}`, { cause });
  });
  const senders = new Map<string, Sender>();
  const applied = new Map<string, ScenarioRecord>();
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work);
    last = result.catch(() => undefined);
    return result;
  };

  const drop = async (name: string) => {
    await senders.get(name)?.stop();
    senders.delete(name);
    await removeConsumer(manager, name);
  };

  const applyNow = async (record: ScenarioRecord) => {
    applied.set(record.id, record);
    const definition = record.scenario.scenario_definition.notification_definition;
    const wanted = new Map((definition?.webhooks ?? []).map((webhook) => [consumerOf(record.id, webhook), webhook]));
    const prefix = consumerPrefix(record.id);
    for (const name of senders.keys()) if (name.startsWith(prefix) && !wanted.has(name)) await drop(name);
    if (definition === undefined) return;
    for (const [name, webhook] of wanted) {
      if (senders.get(name)?.isOver === false) continue;
      await ensureConsumer(manager, name, record, definition.out_topic);
      senders.set(name, startSender(parts, manager, name, record.id, webhook));
    }
  };

  /** False when there is no such scenario any more. */
  const resumeScenario = async (scenario: string): Promise<boolean> => {
    try {
      await applyNow(await parts.scenarios.current(scenario));
      return true;
    } catch (error) {
      if (!(error instanceof BoxError)) throw error;
      if (error.code === 'not_found') return false;
      parts.log.warn({ scenario, err: error }, 'webhooks wait until the scenario is known');
      return true;
    }
  };

  const isKnown = (scenario: string | undefined) => scenario !== undefined && applied.has(scenario);

  return {
    apply: (record) => inTurn(() => applyNow(record)),
    resume: () =>
      inTurn(async () => {
        const kept = await consumersOfKind(manager);
        for (const scenario of new Set([...kept.values(), ...applied.keys()])) {
          const isGone = !(await resumeScenario(scenario));
          if (!isGone) continue;
          applied.delete(scenario);
          for (const [name, owner] of kept) if (owner === scenario) await drop(name);
        }
        // Of a scenario that lives, what it does not name any more.
        for (const name of kept.keys()) if (!senders.has(name) && isKnown(kept.get(name))) await drop(name);
      }),
    async close() {
      await last;
      await Promise.all([...senders.values()].map(({ stop }) => stop()));
    },
  };
}

function consumerPrefix(scenarioId: string): string {
  return `${KIND}-${subjectToken(scenarioId)}-`;
}

/** A receiver with another URL is another one; its secret may change. */
function consumerOf(scenarioId: string, webhook: Webhook): string {
  const facts = JSON.stringify([webhook.url, webhook.secret, webhook.notification_ids ?? null]);
  return `${consumerPrefix(scenarioId)}${createHash('sha256').update(facts).digest('hex').slice(0, 16)}`;
}

async function ensureConsumer(
  manager: JetStreamManager,
  name: string,
  { id, createdAt }: ScenarioRecord,
  topic: string,
): Promise<void> {
  const config = {
    filter_subjects: [topic, `${topic}.>`],
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: 4 * BATCH,
    // The connector removes the consumers of a scenario that is removed.
    metadata: { scenario: id, kind: KIND, created_at: createdAt },
  };
  try {
    const known = await consumersOfKind(manager);
    if (known.has(name)) await manager.consumers.update(STREAM, name, config);
    else {
      await manager.consumers.add(STREAM, {
        ...config,
        durable_name: name,
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.New,
      });
    }
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot set up webhook ${name}: ${errorText(cause)}`, { cause });
  }
}

async function consumersOfKind(manager: JetStreamManager): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { name, config } of manager.consumers.list(STREAM)) {
    const { kind, scenario } = config.metadata ?? {};
    if (kind === KIND && scenario !== undefined) found.set(name, scenario);
  }
  return found;
}

function startSender(
  parts: WebhooksParts,
  manager: JetStreamManager,
  name: string,
  scenario: string,
  webhook: Webhook,
): Sender {
  const stopping = new AbortController();
  const run = async () => {
    const queue = await openStageQueue({
      connection: parts.nats,
      manager,
      consumer: name,
      maxBatchEvents: BATCH,
      maxBatchBytes: BATCH_BYTES,
      ackWaitMs: ACK_WAIT_MS,
      onLost: () => stopping.abort(),
    });
    try {
      const onOutcome = (outcome: 'sent' | 'failed' | 'given_up') => parts.onOutcome(scenario, outcome);
      const { post, log, firstRetryMs } = parts;
      await deliver(
        { webhook, scenario, queue, post, log, onOutcome, ...(firstRetryMs !== undefined && { firstRetryMs }) },
        stopping.signal,
      );
    } finally {
      queue.close();
    }
  };
  const running = run()
    .catch((error: unknown) => parts.log.error({ err: error, scenario }, 'a webhook sender ended'))
    .finally(() => {
      sender.isOver = true;
    });
  const sender: Sender = {
    isOver: false,
    async stop() {
      stopping.abort();
      await running;
    },
  };
  return sender;
}
