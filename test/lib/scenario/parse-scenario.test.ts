import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import { originalDocument } from '../../support/scenario.ts';

const INFERENCE = '/scenario_definition/inference_definition';

function problemsOf(document: unknown): Record<string, string> {
  try {
    parseScenario(document);
  } catch (error) {
    assert.ok(error instanceof BoxError, String(error));
    assert.equal(error.code, 'invalid_argument');
    return Object.fromEntries(error.problems.map(({ pointer, message }) => [pointer, message]));
  }
  throw new Error('the document was taken');
}

/** The original's document with its ingestion stage set to a value. */
function withIngestion(ingestion: unknown) {
  const document = originalDocument('k');
  return {
    ...document,
    scenario_definition: { ...document.scenario_definition, ingestion_definition: ingestion },
  };
}

describe('parseScenario, what the original took', () => {
  it('takes a document of the original unchanged', () => {
    const document = originalDocument('keystroke');
    assert.deepEqual(parseScenario(document), document);
  });

  it('takes null for what may be left out', () => {
    const document = originalDocument('k');
    const { inference_definition: inference, notification_definition: notification } = document.scenario_definition;
    const parsed = parseScenario({
      ...document,
      _id: null,
      scenario_definition: {
        ingestion_definition: null,
        inference_definition: {
          ...inference,
          function: null,
          pred_type: null,
          model_descriptor: { ...inference.model_descriptor, model_location: null, model_class_labels: null },
        },
        notification_definition: { ...notification, rules: null },
      },
    });
    const { model_location: _, ...model } = inference.model_descriptor;
    assert.deepEqual(parsed, {
      scenario_name: 'k',
      scenario_definition: {
        inference_definition: {
          ...inference,
          model_descriptor: model,
          pred_type: { prediction_data_type: 'customtype' },
        },
        notification_definition: { ...notification, rules: [] },
      },
    });
  });

  it('takes a data descriptor as an object, as the text of one, as a name, as null and left out', () => {
    const descriptor = {
      ingestion_data_name: 'keys',
      feature_list: [{ feature_name: 'f', feature_type: 'numpyarraytype', feature_params: '{"from":"$.x"}' }],
    };
    const topics = { in_topic: 'raw', out_topic: 'k_features' };
    const read = (data_descriptor: unknown) =>
      parseScenario(withIngestion({ ...topics, data_descriptor })).scenario_definition.ingestion_definition
        ?.data_descriptor;
    assert.deepEqual(read(descriptor), descriptor);
    assert.deepEqual(read(JSON.stringify(descriptor)), descriptor);
    assert.deepEqual(read('keys'), { ingestion_data_name: 'keys', feature_list: [] });
    assert.deepEqual(read(null), { ingestion_data_name: '', feature_list: [] });
    assert.deepEqual(read(undefined), { ingestion_data_name: '', feature_list: [] });
  });

  it('takes feature_params as an object of any members, as text, and null as none', () => {
    const feature = { feature_name: 'f', feature_type: 'numerictype' };
    const feature_list = [
      { ...feature, feature_params: { window: { size: 3, 'any thing': [null] } } },
      { ...feature, feature_params: 'old text' },
      { ...feature, feature_params: null },
    ];
    const topics = { in_topic: 'raw', out_topic: 'k_features' };
    const parsed = parseScenario(
      withIngestion({ ...topics, data_descriptor: { ingestion_data_name: 'd', feature_list } }),
    );
    assert.deepEqual(parsed.scenario_definition.ingestion_definition?.data_descriptor.feature_list, [
      feature_list[0],
      feature_list[1],
      feature,
    ]);
  });

  it('takes PREBUILT as BUILTIN, a shape with open dimensions, and no stage at all', () => {
    const document = originalDocument('k');
    const model = document.scenario_definition.inference_definition.model_descriptor;
    const parsed = parseScenario({
      scenario_name: 'k',
      scenario_definition: {
        inference_definition: {
          ...document.scenario_definition.inference_definition,
          model_descriptor: {
            ...model,
            model_type: 'PREBUILT',
            model_input_info: [{ data_name: 'x', data_type: 'float32', data_shape: [null, -1, 'n', 3] }],
          },
        },
      },
    });
    assert.equal(parsed.scenario_definition.inference_definition?.model_descriptor.model_type, 'BUILTIN');
    assert.deepEqual(parseScenario({ scenario_name: 'k', scenario_definition: {} }).scenario_definition, {});
  });
});

describe('parseScenario, what it refuses', () => {
  it('tells every problem at once, each with its JSON pointer', () => {
    const problems = problemsOf({
      _id: 'no spaces',
      scenario_name: 7,
      scenario_definition: {
        inference_definition: {
          in_topic: 'a.*',
          out_topic: 'b',
          model_descriptor: {
            model_type: 'onnx',
            model_name: '',
            model_input_info: {},
            model_output_info: [{ data_name: 'x', data_type: 'float32', data_shape: [1.5] }],
            model_sha256: 'abc',
          },
        },
        notification_definition: { out_topic: 'c', rules: [{ rule_name: 'r' }] },
      },
    });
    assert.deepEqual(problems, {
      '/_id':
        'must be 1 to 100 letters, digits, dashes and underscores, beginning with a letter or digit, got "no spaces"',
      '/scenario_name': 'must be text, got 7',
      [`${INFERENCE}/in_topic`]:
        'must be a NATS subject: words joined by dots, without spaces or wildcards, not beginning with $, _ or thebox., got "a.*"',
      [`${INFERENCE}/model_descriptor/model_type`]: 'must be one of ONNX, TENSORFLOW, BUILTIN, PREBUILT, got "onnx"',
      [`${INFERENCE}/model_descriptor/model_name`]: 'must not be empty, got ""',
      [`${INFERENCE}/model_descriptor/model_input_info`]: 'must be a list, got an object',
      [`${INFERENCE}/model_descriptor/model_output_info/0/data_shape/0`]:
        'must be a whole number, text or null, got 1.5',
      [`${INFERENCE}/model_descriptor/model_sha256`]: 'must be 64 hexadecimal digits, got "abc"',
      '/scenario_definition/notification_definition/in_topic': 'must be given',
      '/scenario_definition/notification_definition/rules/0/rule_content': 'must be given',
      '/scenario_definition/notification_definition/rules/0/notification_id': 'must be given',
    });
  });

  it('names the field that an unknown one was probably meant to be', () => {
    const document = originalDocument('k');
    const problems = problemsOf({ ...document, scenarioname: 1, 'a/b~c': 2, _rev: 3 });
    assert.equal(problems['/scenarioname'], 'is not a field of the scenario format: did you mean scenario_name?');
    assert.equal(
      problems['/a~1b~0c'],
      'is not a field of the scenario format: allowed are _id, scenario_name, scenario_definition',
    );
    assert.ok('/_rev' in problems);
  });

  for (const value of [undefined, null, 5, 'text', [], true]) {
    it(`refuses ${JSON.stringify(value)} as a scenario`, () => {
      assert.match(problemsOf(value)[''] ?? '', /^must be an object/);
    });
  }

  it('refuses every topic that is not a plain NATS subject of ours', () => {
    const bad = [
      '',
      ' ',
      'a b',
      'a..b',
      '.a',
      'a.',
      'a.*',
      '>',
      'a>',
      '$JS.API',
      '_INBOX.x',
      'thebox',
      'thebox.dead',
      'a\u0000',
      'a\n',
      'a'.repeat(201),
    ];
    for (const topic of bad) {
      const document = originalDocument('k');
      document.scenario_definition.notification_definition.out_topic = topic;
      assert.ok('/scenario_definition/notification_definition/out_topic' in problemsOf(document), topic);
    }
    for (const topic of ['a', 'A-b_c.d', 'théâtre', 'theboxes', 'thebox2.a', 'a.$b', 'in_topic_ks_infer_test']) {
      const document = originalDocument('k');
      document.scenario_definition.notification_definition.out_topic = topic;
      assert.ok(parseScenario(document));
    }
  });

  it('refuses a topic that is the prefix of another of the scenario, and a stage that feeds itself', () => {
    const document = originalDocument('k');
    document.scenario_definition.notification_definition.out_topic = 'k_features.more';
    assert.match(
      problemsOf(document)['/scenario_definition/notification_definition/out_topic'] ?? '',
      /prefix.*k_features\.more and k_features/,
    );
    document.scenario_definition.notification_definition.out_topic = 'k_predictions';
    assert.match(
      problemsOf(document)['/scenario_definition/notification_definition/out_topic'] ?? '',
      /circle: k_predictions → k_predictions/,
    );
    document.scenario_definition.notification_definition.out_topic = 'k_features';
    assert.match(
      problemsOf(document)['/scenario_definition/inference_definition/out_topic'] ?? '',
      /circle: k_features → k_predictions → k_features/,
    );
  });

  it('refuses __proto__ as a key, wherever it stands, and leaves no trace in objects', () => {
    const text = JSON.stringify(
      withIngestion({
        in_topic: 'raw',
        out_topic: 'k_features',
        data_descriptor: {
          ingestion_data_name: 'd',
          feature_list: [
            { feature_name: 'f', feature_type: 'numerictype', feature_params: { PROTO: { polluted: 1 } } },
          ],
        },
      }),
    ).replace('PROTO', '__proto__');
    const pointers = Object.keys(problemsOf(JSON.parse(text)));
    assert.deepEqual(pointers, [
      '/scenario_definition/ingestion_definition/data_descriptor/feature_list/0/feature_params/__proto__',
    ]);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it('refuses what nests too deep with one short problem, in a text as well', () => {
    const bomb = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    const [problem, ...rest] = Object.entries(problemsOf({ scenario_name: bomb, scenario_definition: {} }));
    assert.match(problem?.[1] ?? '', /deeper than 32 levels/);
    assert.ok((problem?.[0] ?? '').length < 100);
    assert.equal(rest.length, 0);

    const text = `{"feature_list":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    const problems = problemsOf(withIngestion({ in_topic: 'raw', out_topic: 'k_features', data_descriptor: text }));
    assert.match(Object.values(problems)[0] ?? '', /deeper than 32 levels/);
  });

  it('lists a hundred problems of a document that has more, and tells how many are left', () => {
    const rules = Array.from({ length: 300 }, () => 5);
    const notification_definition = { in_topic: 'a', out_topic: 'b', rules };
    assert.throws(
      () => parseScenario({ scenario_name: 'k', scenario_definition: { notification_definition } }),
      (error: unknown) => {
        assert.ok(error instanceof BoxError);
        assert.equal(error.problems.length, 100);
        assert.deepEqual(error.facts, { problems_not_listed: 200 });
        return true;
      },
    );
  });
});
