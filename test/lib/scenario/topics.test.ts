import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { checkTopics, topicConflicts, topicsOf, topicWarnings } from '#lib/scenario/topics.ts';
import { recordOf, scenarioOf, stageOf } from '../../support/scenario.ts';

describe('topicsOf', () => {
  it('has every topic of the scenario once', () => {
    assert.deepEqual(topicsOf(scenarioOf('k')), ['k_features', 'k_predictions', 'k_notifications']);
  });
});

describe('checkTopics', () => {
  const held = [recordOf('held', stageOf('held', 'plant.in', 'plant.out'))];

  it('takes topics that no other scenario has, and topics that begin with the same letters', () => {
    checkTopics('new', stageOf('new', 'plant.input', 'plants'), held);
  });

  it('takes an in_topic that another scenario reads, and one that it publishes', () => {
    checkTopics('new', stageOf('new', 'plant.in', 'a'), held);
    checkTopics('new', stageOf('new', 'plant.out', 'a'), held);
  });

  for (const topic of ['plant', 'plant.in.left', 'plant.out.a.b']) {
    it(`refuses ${topic} beside plant.in and plant.out, and names the scenario that holds them`, () => {
      assert.throws(
        () => checkTopics('new', stageOf('new', topic, 'a'), held),
        (error: unknown) => {
          assert.ok(error instanceof BoxError);
          assert.equal(error.code, 'conflict');
          assert.equal(error.facts.scenario, 'held');
          assert.equal(error.problems[0]?.pointer, '/scenario_definition/notification_definition/in_topic');
          assert.match(error.message, /of scenario held/);
          return true;
        },
      );
    });
  }

  it('does not hold a scenario against the one that it replaces', () => {
    checkTopics('held', stageOf('held', 'plant', 'plant2'), held);
  });

  it('refuses a loop through several scenarios and names one of them', () => {
    const others = [recordOf('b', stageOf('b', 't2', 't3')), recordOf('c', stageOf('c', 't3', 't4'))];
    checkTopics('a', stageOf('a', 't1', 't2'), others);
    const [conflict] = topicConflicts('a', stageOf('a', 't4', 't2'), others);
    assert.match(conflict?.message ?? '', /circle: t4 → t2 → t3 → t4/);
    assert.equal(conflict?.scenario, 'b');
  });

  it('does not hold a loop among others against a scenario that has no part in it', () => {
    const others = [recordOf('b', stageOf('b', 't2', 't3')), recordOf('c', stageOf('c', 't3', 't2'))];
    assert.deepEqual(topicConflicts('a', stageOf('a', 't1', 't2'), others), []);
  });
});

describe('topicWarnings', () => {
  it('is silent for a scenario whose topics are its own and hang together', () => {
    assert.deepEqual(topicWarnings('k', scenarioOf('k'), [recordOf('j', scenarioOf('j'))]), []);
  });

  it('tells of an out_topic that another scenario publishes to as well', () => {
    const others = [recordOf('one', stageOf('one', 'a', 'shared')), recordOf('two', stageOf('two', 'b', 'shared'))];
    assert.deepEqual(topicWarnings('new', stageOf('new', 'c', 'shared'), others), [
      {
        pointer: '/scenario_definition/notification_definition/out_topic',
        message: 'shared is published to by scenario one, scenario two too',
      },
    ]);
  });

  it('tells of a stage that does not read what the stage before it publishes', () => {
    const scenario = scenarioOf('k');
    const { inference_definition, notification_definition } = scenario.scenario_definition;
    assert.ok(inference_definition && notification_definition);
    const gap = {
      ...scenario,
      scenario_definition: {
        inference_definition,
        notification_definition: { ...notification_definition, in_topic: 'k_predicitons' },
      },
    };
    assert.deepEqual(topicWarnings('k', gap, []), [
      {
        pointer: '/scenario_definition/notification_definition/in_topic',
        message: 'k_predicitons is not what stage inference publishes (k_predictions)',
      },
    ]);
  });
});
