import type { NatsConnection } from '@nats-io/nats-core';
import { openPublishedIds, type PublishedIds } from '#lib/bus/jetstream-published-ids.ts';
import { outputIdPrefix } from '#lib/bus/output-id.ts';
import type { Stored, StoredPublish, StreamMessage } from '#lib/bus/stored-publish.ts';
import { DEAD_STREAM, deadSubject, STREAM } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { openBackoff } from './backoff.ts';
import type { Entry, Trouble } from './batch-calls.ts';
import type { Output } from './stage-batch.ts';
import type { StagePlan } from './stage-plan.ts';

/** Events whose outputs may have been published before, and when that was found out. */
export interface Suspects {
  readonly entries: readonly Entry[];
  readonly sinceMs: number;
}

/** Publishes what a stage made, until it is stored. */
export interface OutputPublisher {
  /**
   * Resolves when every output is stored once, with those that are too large ever to be; undefined when told to stop
   * before that. Suspects may have been published by an earlier try: what is there already is not published again.
   */
  publish(
    plan: StagePlan,
    outputs: readonly Output[],
    suspects: Suspects,
    stop: AbortSignal,
  ): Promise<readonly { readonly entry: Entry; readonly error: BoxError }[] | undefined>;
  /** The same for dead letters; false when told to stop. */
  publishDead(plan: StagePlan, letters: readonly Output[], suspects: Suspects, stop: AbortSignal): Promise<boolean>;
  /** Publishes what is no output: timers, signals for the quarantine. False when told to stop. */
  publishPlain(messages: readonly StreamMessage[], stop: AbortSignal): Promise<boolean>;
}

export interface OutputPublisherParts {
  readonly connection: NatsConnection;
  readonly stored: StoredPublish;
  readonly duplicateWindowMs: number;
  readonly onTrouble: (trouble: Trouble) => void;
  /** Makes room in the stream, where that is possible. */
  readonly onFull: () => Promise<void>;
  /** The bus takes the topic no more: its streams have to be set up again. */
  readonly onNoStream: (topic: string) => Promise<void>;
}

const TIMEOUT_MS = 10_000;
const BACKOFF = { firstMs: 100, maxMs: 5000 };

export function openOutputPublisher(parts: OutputPublisherParts): OutputPublisher {
  const lookups = new Map<string, PublishedIds>();
  const lookup = (stream: string, subject: string, prefix: string): PublishedIds => {
    const key = `${stream} ${subject} ${prefix}`;
    const known = lookups.get(key) ?? openPublishedIds({ connection: parts.connection, stream, subject, prefix });
    lookups.set(key, known);
    return known;
  };
  return {
    async publish(plan, outputs, suspects, stop) {
      const { out_topic: topic } = plan.definition;
      if (topic === undefined) return [];
      return publishAll(
        parts,
        lookup(STREAM, topic, outputIdPrefix(plan.scenarioId, plan.stage)),
        outputs,
        suspects,
        stop,
      );
    },
    async publishDead(plan, letters, suspects, stop) {
      const subject = deadSubject(plan.scenarioId, plan.stage);
      const ids = lookup(DEAD_STREAM, subject, outputIdPrefix(plan.scenarioId, plan.stage));
      const tooLarge = await publishAll(parts, ids, letters, suspects, stop);
      if (tooLarge === undefined || tooLarge.length === 0) return tooLarge !== undefined;
      // With the reason added, the largest messages that the bus takes are too large for it: the reason is kept.
      const large = new Set(tooLarge.map(({ entry }) => entry));
      const shortened = letters.filter(({ entry }) => large.has(entry)).map(withoutBody);
      return (await publishAll(parts, ids, shortened, suspects, stop)) !== undefined;
    },
    async publishPlain(messages, stop) {
      let left = messages;
      const backoff = openBackoff(BACKOFF);
      while (left.length > 0 && !stop.aborted) {
        const outcomes = await parts.stored.publish(left, TIMEOUT_MS);
        const error = outcomes.find((outcome) => !isStored(outcome));
        // What is too large for the bus with what was added to it will always be.
        left = left.filter((_, i) => !isStored(outcomes[i]) && outcomes[i]?.code !== 'too_large');
        if (error === undefined || isStored(error)) break;
        await handleRefusal(parts, error, left[0]?.subject ?? '');
        await backoff.wait(stop);
      }
      return left.length === 0;
    },
  };
}

async function publishAll(
  parts: OutputPublisherParts,
  ids: PublishedIds,
  outputs: readonly Output[],
  suspects: Suspects,
  stop: AbortSignal,
): Promise<{ entry: Entry; error: BoxError }[] | undefined> {
  const tooLarge: { entry: Entry; error: BoxError }[] = [];
  const backoff = openBackoff(BACKOFF);
  let firstTryMs: number | undefined;
  let left = outputs;
  let uncertain = suspects;
  while (left.length > 0 && !stop.aborted) {
    // The server has forgotten the ids of a try so long ago: look for them.
    if (firstTryMs !== undefined && Date.now() - firstTryMs > parts.duplicateWindowMs / 2) {
      uncertain = { entries: left.map(({ entry }) => entry), sinceMs: Date.now() };
    }
    try {
      left = await withoutPublished(ids, left, uncertain);
    } catch (error) {
      await handleRefusal(parts, BoxError.from(error), '');
      await backoff.wait(stop);
      continue;
    }
    firstTryMs ??= Date.now();
    const outcomes = await parts.stored.publish(
      left.map(({ message }) => message),
      TIMEOUT_MS,
    );
    const refused = left.flatMap((output, i) => {
      const outcome = outcomes[i];
      return outcome === undefined || isStored(outcome) ? [] : [{ output, error: outcome }];
    });
    for (const { output, error } of refused)
      if (error.code === 'too_large') tooLarge.push({ entry: output.entry, error });
    const again = refused.filter(({ error }) => error.code !== 'too_large');
    left = again.map(({ output }) => output);
    const [first] = again;
    if (first !== undefined) {
      await handleRefusal(parts, first.error, first.output.message.subject);
      await backoff.wait(stop);
    }
  }
  return left.length === 0 ? tooLarge : undefined;
}

async function withoutPublished(
  ids: PublishedIds,
  outputs: readonly Output[],
  suspects: Suspects,
): Promise<readonly Output[]> {
  if (suspects.entries.length === 0 || outputs.length === 0) return outputs;
  const messages = suspects.entries.map(({ event }) => event.message);
  const published = await ids.find(
    Math.min(...messages.map(({ storedMs }) => storedMs)),
    Math.min(...messages.map(({ seq }) => seq)),
    suspects.sinceMs,
  );
  return outputs.filter(({ id }) => !published.has(id));
}

async function handleRefusal(parts: OutputPublisherParts, error: BoxError, topic: string): Promise<void> {
  parts.onTrouble({ code: error.code, message: error.message, counted: false });
  if (error.code === 'storage_full') await parts.onFull();
  if (error.code === 'not_found') await parts.onNoStream(topic);
}

function isStored(outcome: Stored | BoxError | undefined): outcome is Stored {
  return outcome !== undefined && 'seq' in outcome;
}

function withoutBody(output: Output): Output {
  const { subject, head } = output.message;
  const shortened = head.replace(/\r\n$/, 'Box-Dead-Body: dropped, it was too large\r\n\r\n');
  return { ...output, message: { subject, head: shortened, body: '' } };
}
