import { BoxError } from '#lib/error/box-error.ts';
import type { PredictionBody } from '#lib/message/body.ts';
import { type CloudEvent, dataJson, EVENT_TYPE, sequenceOf } from '#lib/message/cloud-event.ts';
import { parsePrediction } from '#lib/message/prediction.ts';
import { RuleScope } from '#lib/rules/inputs/rule-scope.ts';
import type { CompiledRule, Judgement } from './rule-set.ts';
import type { GroupInput } from './when/groups.ts';
import { groupToken } from './when/kept-group.ts';
import type { Timing } from './when/timing.ts';

/** What the rules say of one event. */
export interface Reading {
  readonly event: CloudEvent;
  /** Its place in the stream, by which it is known when it comes again. */
  readonly sequence: number | undefined;
  /** Undefined for a timer. */
  readonly prediction: PredictionBody | undefined;
  /** What was judged, in the order of the rules; rules that failed are not among them. */
  readonly judged: readonly Judged[];
  /** Of these, what concerns a rule with a memory. */
  readonly remembering: readonly Remembering[];
  readonly failures: readonly RuleFailure[];
}

/** A rule that could not be evaluated on a prediction; the scenario's other rules go on. */
export interface RuleFailure {
  readonly rule: string;
  readonly message: string;
}

export type Judged = Plain | Remembering;

/** A rule without a memory, which holds. */
export interface Plain {
  readonly kind: 'plain';
  readonly rule: CompiledRule;
  readonly judgement: Judgement;
}

/** A rule with a memory, whatever it says of the message. */
export interface Remembering {
  readonly kind: 'remembering';
  readonly rule: CompiledRule & { readonly timing: Timing };
  readonly token: string;
  /** Undefined for a timer: the group is known by its token. */
  readonly group: string | undefined;
  readonly judgement: Judgement | undefined;
  readonly input: GroupInput;
  /** The input's place among those of its group in the batch. */
  place: number;
}

/** A clock that is further ahead is wrong: the message counts as coming now. */
const AHEAD_MS = 60_000;

/**
 * Evaluates the rules on an event.
 *
 * @throws BoxError `invalid_argument` for an event that is neither a prediction nor a timer.
 */
export function readEvent(event: CloudEvent, rules: readonly CompiledRule[], now: number): Reading {
  return event.type === EVENT_TYPE.timer ? readTimer(event, rules) : readPrediction(event, rules, now);
}

function readTimer(event: CloudEvent, rules: readonly CompiledRule[]): Reading {
  const body = dataJson(event);
  const { key, at } = Object(body) as { key?: unknown; at?: unknown };
  if (typeof key !== 'string' || typeof at !== 'string' || Number.isNaN(Date.parse(at))) {
    throw new BoxError('invalid_argument', 'Cannot read timer: its data must be { key, at }');
  }
  const remembering = rules.flatMap((rule): Remembering[] =>
    // A rule that was changed since has another key, and its timer nothing to tell.
    hasMemory(rule) && key.startsWith(`${rule.key}.`) ? [timerOf(rule, key, at)] : [],
  );
  return {
    event,
    sequence: sequenceOf(event),
    prediction: undefined,
    judged: remembering,
    remembering,
    failures: [],
  };
}

function timerOf(rule: CompiledRule & { timing: Timing }, token: string, on: string): Remembering {
  const input = { kind: 'timer', on } as const;
  return { kind: 'remembering', rule, token, group: undefined, judgement: undefined, input, place: 0 };
}

function readPrediction(event: CloudEvent, rules: readonly CompiledRule[], now: number): Reading {
  const prediction = parsePrediction(event);
  const said = event.time === undefined ? Number.NaN : Date.parse(event.time);
  const time = Number.isNaN(said) ? now : Math.min(said, now + AHEAD_MS);
  // What the rules read of the message is read once for all of them.
  const scope = new RuleScope({
    prediction: prediction.prediction_data,
    source: event.source,
    ...(!Number.isNaN(said) && { time: said / 1000 }),
  });
  const judged: Judged[] = [];
  const failures: RuleFailure[] = [];
  for (const rule of rules) {
    try {
      const judgement = rule.judge(scope, event.source);
      if (hasMemory(rule)) judged.push(remember(rule, judgement, event, prediction, time, failures));
      else if (judgement.held) judged.push({ kind: 'plain', rule, judgement });
    } catch (error) {
      failures.push(failureOf(rule, error));
    }
  }
  return {
    event,
    sequence: sequenceOf(event),
    prediction,
    judged,
    remembering: judged.filter((each) => each.kind === 'remembering'),
    failures,
  };
}

function remember(
  rule: CompiledRule & { timing: Timing },
  judgement: Judgement,
  event: CloudEvent,
  prediction: PredictionBody,
  time: number,
  failures: RuleFailure[],
): Remembering {
  const text = judgement.held ? textOf(rule, judgement, failures) : undefined;
  const context = {
    correlationId: prediction.correlation_id,
    source: event.source,
    data: prediction.prediction_data,
    ...(text !== undefined && { text }),
  };
  const { held, cleared, group } = judgement;
  const input = { kind: 'message', id: event.id, time, held, cleared, context } as const;
  return { kind: 'remembering', rule, token: groupToken(rule.key, group), group, judgement, input, place: 0 };
}

/** A rule's message to people. One that fails keeps nobody from being told: the notification goes out without it. */
export function textOf(rule: CompiledRule, judgement: Judgement, failures: RuleFailure[]): string | undefined {
  try {
    return judgement.text();
  } catch (error) {
    failures.push(failureOf(rule, error));
    return undefined;
  }
}

function failureOf({ rule }: CompiledRule, thrown: unknown): RuleFailure {
  if (!(thrown instanceof BoxError)) throw thrown;
  return { rule: rule.rule_name, message: thrown.message };
}

function hasMemory(rule: CompiledRule): rule is CompiledRule & { timing: Timing } {
  return rule.timing !== undefined;
}
