import type { ErrorCode } from '#lib/error/box-error.ts';
import { VERDICT } from '#lib/error/verdict.ts';
import type { EventResult, Wake } from '#lib/message/function-answer.ts';
import { SCENARIO_HEADER, SCENARIO_REV_HEADER, STAGE_HEADER } from '#lib/scenario/scenario.ts';
import type { AnswerSizes } from './answer-sizes.ts';
import { openBackoff } from './backoff.ts';
import { MAX_CRASHES, openCrashWatch } from './crash-watch.ts';
import { batchRequest, binaryRequest, isHeaderText } from './event-request.ts';
import type { FunctionForms } from './function-forms.ts';
import { type Reply, readReply } from './function-reply.ts';
import type { InputEvent } from './input-event.ts';
import type { Invoker } from './invoker.ts';
import type { RawOutput } from './output-message.ts';
import { functionOfPlan, type StagePlan } from './stage-plan.ts';

/** What became of one event. */
export type Outcome =
  | { readonly kind: 'events'; readonly events: readonly unknown[] }
  | { readonly kind: 'plain'; readonly output: RawOutput | undefined }
  | { readonly kind: 'dead'; readonly code: string; readonly message: string };

/** An event on its way through a batch. */
export interface Entry {
  readonly event: InputEvent;
  /** How often the function was asked about it. */
  attempts: number;
  /** How often it failed by itself, alone or by the function's word. */
  failures: number;
  /** How many processes of the function ended while they had it. */
  crashes: number;
  outcome: Outcome | undefined;
}

export interface Trouble {
  readonly code: string;
  readonly message: string;
  /** Whether it counts against the events. */
  readonly counted: boolean;
}

export interface CallParts {
  readonly invoker: Invoker;
  readonly forms: FunctionForms;
  readonly answers: AnswerSizes;
  /** How often an event may fail before it is given up. */
  readonly maxDeliver: number;
  /** Told of everything that makes the stage try again. */
  readonly onTrouble: (trouble: Trouble) => void;
  readonly onCall: (functionName: string, reply: Reply['kind'], events: number, seconds: number) => void;
}

export interface BatchSignals {
  /** Ends trying again: what has an outcome is still published, the rest is put back. */
  readonly interrupt: AbortSignal;
  /** Ends at once: what is not acknowledged yet comes again. */
  readonly stop: AbortSignal;
}

const AWAY_BACKOFF = { firstMs: 50, maxMs: 5000 };
const FAILED_BACKOFF = { firstMs: 200, maxMs: 10_000 };

/**
 * Asks a function about a batch until every event has an outcome, in order, with one call at a time. What is not the
 * events' fault is waited out for as long as it takes; a batch that fails as a whole is halved until the event at fault stands alone. No call has
 * more events than are expected to be answered in few enough bytes.
 *
 * Yields after each call, so that the caller can publish what is ready; ends early when the signal aborts: then the entries
 * without an outcome were not processed.
 */
export async function* callUntilDone(
  plan: StagePlan,
  entries: readonly Entry[],
  parts: CallParts,
  { interrupt, stop }: BatchSignals,
): AsyncGenerator<readonly Wake[]> {
  const name = functionOfPlan(plan);
  const away = openBackoff(AWAY_BACKOFF);
  const failed = openBackoff(FAILED_BACKOFF);
  const crashes = openCrashWatch(parts.invoker, name);
  /** What is still to be asked about, in order. */
  let todo: Entry[][] = [[...entries]];
  while (todo.length > 0 && !interrupt.aborted) {
    const [first = [], ...rest] = todo;
    const segment = first.slice(0, parts.forms.of(name) === 'batch' ? parts.answers.fit(eventsOf(first)) : 1);
    const others = segment.length < first.length ? [first.slice(segment.length), ...rest] : rest;
    const reply = await call(plan, segment, parts, stop);
    if (reply.kind === 'away') {
      parts.onTrouble({ code: reply.code, message: reply.message, counted: false });
      await away.wait(interrupt, reply.retryAfterMs);
      if (reply.lost) parts.answers.lost(eventsOf(segment));
      if (!reply.lost || interrupt.aborted || !(await crashes.lost())) continue;
      away.reset();
      todo = [...settleCrash(segment, name, parts), ...others];
      yield [];
      continue;
    }
    away.reset();
    crashes.answered();
    const step = settle(segment, reply, parts);
    todo = [...step.again, ...others];
    yield reply.kind === 'results' ? reply.wake : [];
    if (step.wait) await failed.wait(interrupt);
    else if (reply.kind === 'results') failed.reset();
  }
}

/** One call, and what it teaches about the function. */
async function call(plan: StagePlan, segment: readonly Entry[], parts: CallParts, stop: AbortSignal): Promise<Reply> {
  const name = functionOfPlan(plan);
  const form = parts.forms.of(name);
  const events = eventsOf(segment);
  const [only] = events;
  const isTooLargeForABatch =
    events.length === 1 && only !== undefined && only.message.body.length > plan.maxBatchBytes;
  const inBinary = only !== undefined && (form !== 'batch' || isTooLargeForABatch);
  const reply = await post(plan, events, inBinary ? 'binary' : 'batch', parts, stop);
  if (reply.kind === 'results') parts.forms.learn(name, 'batch');
  if (reply.kind === 'plain') {
    if (inBinary) parts.forms.learn(name, 'single');
    else return forgetForm(name, parts);
  }
  // A function that reads batches alone cannot take a single event: it is asked once more before that is believed.
  if (form === 'unknown' && (reply.kind === 'refused' || reply.kind === 'failed')) {
    const asBatch = await post(plan, events, 'batch', parts, stop);
    if (asBatch.kind === 'results') {
      parts.forms.learn(name, 'batch');
      return asBatch;
    }
  }
  return reply;
}

/** A function that took batches and does not any more was replaced by another: its events are sent again, one by one. */
function forgetForm(name: string, parts: CallParts): Reply {
  parts.forms.learn(name, 'unknown');
  const message = `function ${name} does not answer batches any more: one event at a time from now on`;
  return { kind: 'away', code: 'unavailable', message, retryAfterMs: 0, lost: false };
}

async function post(
  plan: StagePlan,
  events: readonly InputEvent[],
  mode: 'batch' | 'binary',
  parts: CallParts,
  stop: AbortSignal,
): Promise<Reply> {
  const [first] = events;
  const { headers, body } = mode === 'binary' && first !== undefined ? binaryRequest(first) : batchRequest(events);
  const traceparent = first?.attributes.traceparent;
  const request = {
    headers: {
      ...headers,
      [SCENARIO_HEADER]: plan.scenarioId,
      [SCENARIO_REV_HEADER]: plan.rev,
      [STAGE_HEADER]: plan.stage,
      ...(traceparent !== undefined && isHeaderText(traceparent) && { traceparent }),
    },
    body,
  };
  const name = functionOfPlan(plan);
  const started = performance.now();
  const answer = await parts.invoker.post(name, request, stop);
  const reply = readReply(
    answer,
    events.map(({ id }) => id),
  );
  if (reply.kind === 'results' && 'body' in answer) parts.answers.answered(events, answer.body.length);
  parts.onCall(name, reply.kind, events.length, (performance.now() - started) / 1000);
  return reply;
}

function eventsOf(entries: readonly Entry[]): InputEvent[] {
  return entries.map(({ event }) => event);
}

interface Step {
  /** What is to be asked about again, in order. */
  readonly again: Entry[][];
  /** Whether to wait before that. */
  readonly wait: boolean;
}

function settle(segment: readonly Entry[], reply: Exclude<Reply, { kind: 'away' }>, parts: CallParts): Step {
  for (const entry of segment) entry.attempts++;
  const [only] = segment;
  if (reply.kind === 'results') return settleResults(segment, reply.results, parts);
  if (only === undefined) return { again: [], wait: false };
  if (reply.kind === 'plain') {
    only.outcome = { kind: 'plain', output: reply.output };
    return { again: [], wait: false };
  }
  parts.onTrouble({ code: reply.code, message: reply.message, counted: true });
  if (segment.length > 1) {
    return { again: halves(segment), wait: reply.kind === 'failed' };
  }
  if (reply.kind === 'refused') {
    const code = reply.tooLarge ? 'too_large' : reply.code;
    only.outcome = { kind: 'dead', code, message: reply.message };
    return { again: [], wait: false };
  }
  return settleFailure(only, reply.code, reply.message, parts)
    ? { again: [[only]], wait: true }
    : { again: [], wait: false };
}

function settleResults(segment: readonly Entry[], results: readonly EventResult[], parts: CallParts): Step {
  const again: Entry[] = [];
  segment.forEach((entry, i) => {
    const result = results[i];
    if (result === undefined) return;
    if ('events' in result) {
      entry.outcome = { kind: 'events', events: result.events };
      return;
    }
    const { code, message, retry } = result.error;
    if (!shouldRetry(code, retry)) entry.outcome = { kind: 'dead', code, message };
    else {
      parts.onTrouble({ code, message, counted: true });
      if (settleFailure(entry, code, message, parts)) again.push(entry);
    }
  });
  return { again: again.length > 0 ? [again] : [], wait: again.length > 0 };
}

/** Counts the end of a process that had the events; halves them until the one at fault stands alone, which is given up at last. */
function settleCrash(segment: readonly Entry[], name: string, parts: CallParts): Entry[][] {
  for (const entry of segment) {
    entry.attempts++;
    entry.crashes++;
  }
  const [only] = segment;
  const message = `function ${name} ended while it had ${segment.length === 1 ? 'this event' : `these ${segment.length} events`}`;
  parts.onTrouble({ code: 'internal', message, counted: true });
  if (segment.length > 1 || only === undefined) return halves(segment);
  if (only.crashes < MAX_CRASHES) return [[only]];
  only.outcome = { kind: 'dead', code: 'internal', message: `${message} (given up after ${only.crashes} times)` };
  return [];
}

function halves(segment: readonly Entry[]): Entry[][] {
  const half = Math.ceil(segment.length / 2);
  return [segment.slice(0, half), segment.slice(half)];
}

/** What the function says, else what its code means; a code of the function's own is taken for good. */
export function shouldRetry(code: string, retry: unknown): boolean {
  if (typeof retry === 'boolean') return retry;
  return Object.hasOwn(VERDICT, code) && VERDICT[code as ErrorCode] === 'retry';
}

/** Counts a failure; false when it was the last that is allowed, and the event is given up. */
function settleFailure(entry: Entry, code: string, message: string, parts: CallParts): boolean {
  entry.failures++;
  if (entry.failures < parts.maxDeliver) return true;
  entry.outcome = { kind: 'dead', code, message: `${message} (given up after ${entry.failures} tries)` };
  return false;
}
