import { deadLetterMessage } from '#lib/bus/dead-letter-headers.ts';
import { timerMessage } from '#lib/bus/jetstream-timers.ts';
import { outputIdPrefix } from '#lib/bus/output-id.ts';
import type { StageMessage, StageQueue } from '#lib/bus/stage-queue.ts';
import type { StreamMessage } from '#lib/bus/stored-publish.ts';
import { entranceOf } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Admission, Admitted } from './admission.ts';
import { type BatchSignals, type CallParts, callUntilDone, type Entry } from './batch-calls.ts';
import { inputEvent } from './input-event.ts';
import { eventMessage, outputMessage } from './output-message.ts';
import type { OutputPublisher } from './output-publisher.ts';
import type { StagePlan } from './stage-plan.ts';

export interface BatchParts extends CallParts {
  readonly queue: StageQueue;
  readonly outputs: OutputPublisher;
  readonly admission: Admission;
  readonly onDone: (done: { readonly ok: number; readonly dead: number }) => void;
}

/**
 * Processes a batch with one revision: asks the function, publishes what it answers, acknowledges. Outputs are published in
 * the order of their inputs, whatever had to be tried again, and an input is acknowledged once its outputs are stored.
 */
export async function processBatch(
  plan: StagePlan,
  messages: readonly StageMessage[],
  parts: BatchParts,
  signals: BatchSignals,
): Promise<void> {
  const wanted = ackUnwanted(plan, messages, parts.queue);
  const topics = [plan.definition.in_topic, ...plan.formerTopics.map(({ topic }) => topic)];
  const admitted = await admit(plan, wanted, parts, signals.stop);
  const entries = admitted.map(
    ({ message, sender }): Entry => ({
      event: inputEvent(message, plan.stage, topics, sender),
      attempts: 0,
      failures: 0,
      crashes: 0,
      outcome: undefined,
    }),
  );
  if (entries.length === 0) return;
  let published = 0;
  for await (const wake of callUntilDone(plan, entries, parts, signals)) {
    const timers = wake.map(({ key, at }) => timerMessage(plan.scenarioId, plan.stage, key, at));
    if (!(await parts.outputs.publishPlain(timers, signals.stop))) return;
    const unresolved = entries.findIndex(({ outcome }) => outcome === undefined);
    const ready = entries.slice(published, unresolved === -1 ? entries.length : unresolved);
    if (!(await publishReady(plan, ready, parts, signals.stop))) return;
    published += ready.length;
  }
  parts.queue.putBack(entries.slice(published).map(({ event }) => event.message));
}

/** Who may come in, where signals do; what may not is done with. None when it was told to stop before that was clear. */
async function admit(
  plan: StagePlan,
  messages: readonly StageMessage[],
  { admission, outputs, queue }: BatchParts,
  stop: AbortSignal,
): Promise<readonly Admitted[]> {
  if (plan.entrance === undefined) return messages.map((message) => ({ message }));
  const { admitted, done, publish } = await admission.admit(plan, plan.entrance, messages);
  if (!(await outputs.publishPlain(publish, stop))) return [];
  queue.ack(done);
  return admitted;
}

/** What came on a topic after the scenario had left it is not its own any more. */
function ackUnwanted(plan: StagePlan, messages: readonly StageMessage[], queue: StageQueue): readonly StageMessage[] {
  if (plan.formerTopics.length === 0) return messages;
  const isUnwanted = ({ subject, seq }: StageMessage) =>
    plan.formerTopics.some(({ topic, untilSeq }) => seq > untilSeq && entranceOf(subject, [topic]) !== undefined);
  const [unwanted, wanted] = [messages.filter(isUnwanted), messages.filter((message) => !isUnwanted(message))];
  queue.ack(unwanted);
  return wanted;
}

/** Publishes and acknowledges; false when it was told to stop before that. */
async function publishReady(
  plan: StagePlan,
  ready: readonly Entry[],
  parts: BatchParts,
  stop: AbortSignal,
): Promise<boolean> {
  if (ready.length === 0) return true;
  const outputs = ready.flatMap((entry) => entryOutputs(plan, entry));
  const letters = () => ready.flatMap((entry) => deadLetters(plan, entry));
  const { suspectUpTo, suspectSinceMs } = parts.queue;
  const suspects = {
    entries: ready.filter(({ event }) => event.message.seq <= suspectUpTo),
    sinceMs: suspectSinceMs,
  };
  const tooLarge = await parts.outputs.publish(plan, outputs, suspects, stop);
  if (tooLarge === undefined) return false;
  for (const { entry, error } of tooLarge) entry.outcome = { kind: 'dead', code: error.code, message: error.message };
  if (!(await parts.outputs.publishDead(plan, letters(), suspects, stop))) return false;
  parts.queue.ack(ready.map(({ event }) => event.message));
  const dead = ready.filter(({ outcome }) => outcome?.kind === 'dead').length;
  parts.onDone({ ok: ready.length - dead, dead });
  return true;
}

export interface Output {
  readonly entry: Entry;
  readonly id: string;
  readonly message: StreamMessage;
}

function entryOutputs(plan: StagePlan, entry: Entry): Output[] {
  const { outcome, event } = entry;
  const id = (index: number) => `${outputIdPrefix(plan.scenarioId, plan.stage)}${event.message.seq}.${index}`;
  try {
    if (outcome?.kind === 'events') {
      return outcome.events.map((each, i) => {
        const messageId = id(i);
        return { entry, id: messageId, message: eventMessage(plan, event, messageId, each) };
      });
    }
    if (outcome?.kind === 'plain' && outcome.output !== undefined) {
      return [{ entry, id: id(0), message: outputMessage(plan, event, id(0), outcome.output) }];
    }
    return [];
  } catch (error) {
    // The function answered for this event what is no event: trying again would bring the same.
    const { code, message } = BoxError.from(error);
    entry.outcome = { kind: 'dead', code, message };
    return [];
  }
}

function deadLetters(plan: StagePlan, { outcome, event, attempts }: Entry): Output[] {
  if (outcome?.kind !== 'dead') return [];
  const entry: Entry = { event, attempts, failures: 0, crashes: 0, outcome };
  const id = `${outputIdPrefix(plan.scenarioId, plan.stage)}${event.message.seq}.dead`;
  const { scenarioId: scenario, stage, rev } = plan;
  const death = {
    scenario,
    stage,
    rev,
    attempts,
    code: outcome.code,
    reason: outcome.message,
    time: new Date().toISOString(),
  };
  return [{ entry, id, message: deadLetterMessage(id, event.message, event.attributes, death) }];
}
