import { BoxError, type Problem } from '../error/box-error.ts';
import { type Scenario, type ScenarioRecord, type Stage, type StageDefinition, stagesOf } from './scenario.ts';

/** A topic in use: which scenario's stage reads or publishes it. */
interface TopicUse {
  readonly topic: string;
  readonly end: 'in_topic' | 'out_topic';
  readonly stage: Stage;
  readonly pointer: string;
}

function topicUses(scenario: Scenario): TopicUse[] {
  return stagesOf(scenario).flatMap(({ stage, definition }) =>
    (['in_topic', 'out_topic'] as const).map((end) => ({
      topic: definition[end],
      end,
      stage,
      pointer: `/scenario_definition/${stage}_definition/${end}`,
    })),
  );
}

/** Every topic of a scenario, once. */
export function topicsOf(scenario: Scenario): string[] {
  return [...new Set(topicUses(scenario).map(({ topic }) => topic))];
}

/** Whether one topic is the other's prefix, token by token. Messages to `a.b` would be taken for source `b` of `a`. */
function nested(a: string, b: string): boolean {
  return a !== b && (a.startsWith(`${b}.`) || b.startsWith(`${a}.`));
}

/** What is wrong among the topics of one scenario: one that is another's prefix, messages that would go round for ever. */
export function topicsWithin(scenario: Scenario): Problem[] {
  const uses = topicUses(scenario);
  const problems = uses.flatMap((use, i): Problem[] => {
    const clash = uses.slice(0, i).find((earlier) => nested(earlier.topic, use.topic));
    if (clash === undefined) return [];
    return [{ pointer: use.pointer, message: prefixMessage(use.topic, clash.topic, clash.pointer) }];
  });
  const loop = findLoop(scenario, []);
  if (loop !== undefined) problems.push(loopProblem(scenario, loop));
  return problems;
}

function prefixMessage(topic: string, other: string, place: string): string {
  return `must not be a prefix of another topic nor have one as its prefix: ${topic} and ${other} (${place})`;
}

/** A topic of a scenario that cannot stand beside those of another. */
export interface TopicConflict extends Problem {
  /** The id of the scenario that holds the topic. */
  readonly scenario: string;
}

/** Where the scenario's topics cannot stand beside those of the others: prefixes, and loops through several scenarios. */
export function topicConflicts(id: string, scenario: Scenario, others: readonly ScenarioRecord[]): TopicConflict[] {
  const uses = topicUses(scenario);
  const held = others.filter((other) => other.id !== id);
  const conflicts = held.flatMap((other) =>
    topicsOf(other.scenario).flatMap((topic) =>
      uses
        .filter((use) => nested(use.topic, topic))
        .map((use) => ({
          pointer: use.pointer,
          message: prefixMessage(use.topic, topic, `of scenario ${other.id}`),
          scenario: other.id,
        })),
    ),
  );
  const loop = findLoop(
    scenario,
    held.map((other) => other.scenario),
  );
  if (loop === undefined) return conflicts;
  const holder = held.find((other) => stagesOf(other.scenario).some(({ definition }) => loop.includes(definition)));
  return [...conflicts, { ...loopProblem(scenario, loop), scenario: holder?.id ?? id }];
}

/**
 * Refuses a scenario whose topics cannot stand beside those of the others.
 *
 * @throws BoxError `conflict` with every clash; the fact `scenario` names the scenario that holds the first.
 */
export function checkTopics(id: string, scenario: Scenario, others: readonly ScenarioRecord[]): void {
  const conflicts = topicConflicts(id, scenario, others);
  const first = conflicts[0];
  if (first === undefined) return;
  throw new BoxError('conflict', `Cannot put scenario ${id}: ${first.pointer} ${first.message}`, {
    problems: conflicts.map(({ pointer, message }) => ({ pointer, message })),
    facts: { scenario: first.scenario },
  });
}

/** What is allowed but seldom meant: topics that two publish to, and a stage that reads what no stage before it writes. */
export function topicWarnings(id: string, scenario: Scenario, others: readonly ScenarioRecord[]): Problem[] {
  const uses = topicUses(scenario);
  const published = uses.filter(({ end }) => end === 'out_topic');
  const foreign = others.filter((other) => other.id !== id);
  const shared = published.flatMap((use, i): Problem[] => {
    const own = published.slice(0, i).find(({ topic }) => topic === use.topic);
    const holders = foreign.filter(({ scenario: other }) =>
      stagesOf(other).some(({ definition }) => definition.out_topic === use.topic),
    );
    const names = [...(own ? [`stage ${own.stage}`] : []), ...holders.map((holder) => `scenario ${holder.id}`)];
    if (names.length === 0) return [];
    return [{ pointer: use.pointer, message: `${use.topic} is published to by ${names.join(', ')} too` }];
  });
  return [...shared, ...gapWarnings(scenario)];
}

function gapWarnings(scenario: Scenario): Problem[] {
  const stages = stagesOf(scenario);
  return stages.flatMap(({ stage, definition }, i): Problem[] => {
    const before = stages[i - 1];
    if (before === undefined || before.definition.out_topic === definition.in_topic) return [];
    const message = `${definition.in_topic} is not what stage ${before.stage} publishes (${before.definition.out_topic})`;
    return [{ pointer: `/scenario_definition/${stage}_definition/in_topic`, message }];
  });
}

/** The stages by which a message comes round to a stage of `scenario` again, in order; undefined when there are none. */
function findLoop(scenario: Scenario, others: readonly Scenario[]): StageDefinition[] | undefined {
  const readers = Map.groupBy(
    [scenario, ...others].flatMap((each) => stagesOf(each).map(({ definition }) => definition)),
    (definition) => definition.in_topic,
  );
  for (const { definition: start } of stagesOf(scenario)) {
    const seen = new Set<StageDefinition>();
    const visit = (definition: StageDefinition): StageDefinition[] | undefined => {
      seen.add(definition);
      for (const next of readers.get(definition.out_topic) ?? []) {
        if (next === start) return [definition];
        const rest = seen.has(next) ? undefined : visit(next);
        if (rest !== undefined) return [definition, ...rest];
      }
      return undefined;
    };
    const loop = visit(start);
    if (loop !== undefined) return loop;
  }
  return undefined;
}

function loopProblem(scenario: Scenario, loop: readonly StageDefinition[]): Problem {
  const own = stagesOf(scenario).find(({ definition }) => loop.includes(definition));
  const path = [...loop.map(({ in_topic }) => in_topic), loop[0]?.in_topic].join(' → ');
  return {
    pointer: own ? `/scenario_definition/${own.stage}_definition/out_topic` : '/scenario_definition',
    message: `must not send messages round in a circle: ${path}`,
  };
}
