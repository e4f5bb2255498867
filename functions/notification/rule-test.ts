import { DEFAULT_SOURCE, entranceOf, sourceOf } from '#lib/bus/subjects.ts';
import type { TopicMessage, TopicReader } from '#lib/bus/topic-reader.ts';
import { BoxError, type Problem } from '#lib/error/box-error.ts';
import { jsonBody, type Route } from '#lib/function/route.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import { parsePrediction } from '#lib/message/prediction.ts';
import { compileRule, type Rule } from '#lib/rules/compile.ts';
import { RuleScope } from '#lib/rules/inputs/rule-scope.ts';
import { type JsonValue, toJson } from '#lib/rules/to-json.ts';
import { PyError } from '#lib/rules/value/py-error.ts';
import { truth } from '#lib/rules/value/truth.ts';
import { stagesOf } from '#lib/scenario/scenario.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';

/** What an expression comes to on one prediction. */
type Trial =
  | {
      readonly id?: string;
      readonly value: JsonValue;
      readonly type: string;
      /** Null where Python would not say, for an array of several elements. */
      readonly truthy: boolean | null;
      readonly steps: number;
    }
  | { readonly id?: string; readonly error: RuleProblem };

interface RuleProblem {
  readonly message: string;
  readonly error?: unknown;
  readonly line?: unknown;
  readonly column?: unknown;
  readonly problems?: readonly Problem[];
}

const MAX_SAMPLES = 1000;
/** What the last predictions of a scenario may have together; a message may have ten megabytes. */
const MAX_BYTES = 16 * 1024 * 1024;

export interface RuleTestParts {
  readonly scenarios: Pick<ScenarioClient, 'current'>;
  readonly reader: TopicReader;
}

/** `POST /rule/test`: tries an expression on predictions that come with it, or on the last ones of a scenario. */
export function ruleTestRoute(parts: RuleTestParts): Route {
  return {
    method: 'POST',
    path: '/rule/test',
    async handle(request) {
      const body = Object(jsonBody(request)) as Record<string, unknown>;
      const { expression } = body;
      if (typeof expression !== 'string') {
        throw new BoxError('invalid_argument', 'Cannot test rule: expression must be the text of a rule');
      }
      const rule = compileRule(expression);
      const samples = await samplesOf(body, parts);
      return { status: 200, body: { results: samples.map((sample) => tryRule(rule, sample)) } };
    },
  };
}

async function samplesOf(body: Readonly<Record<string, unknown>>, parts: RuleTestParts): Promise<CloudEvent[]> {
  const { predictions, scenario, last = 1 } = body;
  if (typeof scenario === 'string' && predictions === undefined) {
    if (!Number.isInteger(last) || Number(last) < 1 || Number(last) > MAX_SAMPLES) {
      throw new BoxError(
        'invalid_argument',
        `Cannot test rule: last must be from 1 to ${MAX_SAMPLES}, got ${JSON.stringify(last)}`,
      );
    }
    return lastPredictions(scenario, Number(last), parts);
  }
  if (!Array.isArray(predictions) || predictions.length === 0 || predictions.length > MAX_SAMPLES) {
    const rule = `predictions must be a list of 1 to ${MAX_SAMPLES}, or scenario the id of one`;
    throw new BoxError('invalid_argument', `Cannot test rule: ${rule}`);
  }
  return predictions.map((sample: unknown, i) => sampleEvent(sample, i));
}

/** A prediction as a message's body, or only its outputs by name; with `source` and `time` beside where the rule asks. */
function sampleEvent(sample: unknown, i: number): CloudEvent {
  const given = Object(sample) as Record<string, unknown>;
  const isBody = typeof given.prediction_data === 'object' && given.prediction_data !== null;
  const { source, time } = isBody ? given : {};
  return {
    specversion: '1.0',
    id: String(i),
    source: typeof source === 'string' && source !== '' ? source : 'default',
    type: 'thebox.prediction',
    ...(typeof time === 'string' && { time }),
    data: isBody ? given : { prediction_data: sample },
  };
}

async function lastPredictions(id: string, count: number, { scenarios, reader }: RuleTestParts): Promise<CloudEvent[]> {
  const { scenario } = await scenarios.current(id);
  const topic = scenario.scenario_definition.notification_definition?.in_topic;
  if (topic === undefined)
    throw new BoxError('not_found', `Cannot test rule: scenario ${id} has no notification stage`);
  const events: CloudEvent[] = [];
  let bytes = 0;
  const entrances = stagesOf(scenario)[0]?.stage === 'notification';
  // The reader knows the way forward alone: what is stored is walked through, and the last ones are kept.
  for await (const message of reader.read(topic, { from: { seq: 1 }, until: 'end', entrances })) {
    const { seq, time, attributes, body } = message;
    const sample = Buffer.from(body).toString('base64');
    bytes += sample.length;
    while (events.length === count || (bytes > MAX_BYTES && events.length > 0)) {
      bytes -= events.shift()?.data_base64?.length ?? 0;
    }
    events.push({
      specversion: '1.0',
      id: attributes.id ?? String(seq),
      source: senderOf(message, topic),
      type: 'thebox.prediction',
      time: attributes.time ?? time.toISOString(),
      data_base64: sample,
    });
  }
  return events;
}

/** What the stage would take for the sender: a subject of a source's own counts for more than what the message says. */
function senderOf({ subject, attributes }: TopicMessage, topic: string): string {
  const entrance = entranceOf(subject, [topic]);
  return entrance?.kind === 'open'
    ? attributes.source || sourceOf(subject, topic)
    : (entrance?.source ?? DEFAULT_SOURCE);
}

function tryRule(rule: Rule, event: CloudEvent): Trial {
  const { id } = event;
  try {
    const { prediction_data: prediction } = parsePrediction(event);
    const time = event.time === undefined ? {} : { time: Date.parse(event.time) / 1000 };
    const { value, type, steps } = rule.compute(new RuleScope({ prediction, source: event.source, ...time }));
    return { id, value: toJson(value), type, truthy: truthOf(() => truth(value)), steps };
  } catch (thrown) {
    if (!(thrown instanceof BoxError)) throw thrown;
    const { error, line, column } = thrown.facts;
    return { id, error: { message: thrown.message, error, line, column } };
  }
}

/** Python refuses to call an array of several elements true or false; the value is shown all the same. */
function truthOf(ask: () => boolean): boolean | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof PyError) return null;
    throw error;
  }
}
