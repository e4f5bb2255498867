import assert from 'node:assert/strict';
import { originalDocument } from '../../support/scenario.ts';
import { startOrchestrator, type TestOrchestrator } from './support/orchestrator.ts';

const INFERENCE = '/scenario_definition/inference_definition';

/** A document whose model the verifier of the test answers about as its name says. */
function withModel(name: string, model: string) {
  const document = originalDocument(name);
  document.scenario_definition.inference_definition.model_descriptor.model_name = model;
  return document;
}

describe('orchestrator, verification', () => {
  let box: TestOrchestrator;
  /** It soon gives up a verifier that never answers; on a slow machine one that does answer may take as long. */
  let impatient: TestOrchestrator;

  before(async () => {
    box = await startOrchestrator();
    impatient = await startOrchestrator({ VERIFY_TIMEOUT_MS: '200' });
  });

  after(async () => {
    await impatient?.close();
    await box?.close();
  });

  it('PUT hands on what is only worth a warning, with pointers into the scenario', async () => {
    const { status, body } = await box.call('PUT', '/scenario', withModel('warned', 'other-output'));
    assert.equal(status, 201);
    assert.deepEqual(body.warnings, [
      { pointer: `${INFERENCE}/model_descriptor/model_output_info/0/data_type`, message: 'is int64 in the model' },
    ]);
  });

  it('PUT answers 422 to a model that is not as described, and keeps nothing', async () => {
    const { status, body } = await box.call('PUT', '/scenario', withModel('refused', 'other-input'));
    assert.equal(status, 422);
    assert.deepEqual(body.errors, [
      {
        pointer: `${INFERENCE}/model_descriptor/model_input_info/0/data_name`,
        detail: 'is not an input of the model',
      },
    ]);
    assert.equal((await box.call('GET', '/scenario/refused')).status, 404);
  });

  it('PUT answers 422 with the reason when the model cannot be loaded at all', async () => {
    const { status, body } = await box.call('PUT', '/scenario', withModel('refused', 'no-onnx'));
    assert.equal(status, 422);
    assert.deepEqual(body.errors, [
      { pointer: `${INFERENCE}/model_descriptor`, detail: 'Cannot load model: it is not ONNX' },
    ]);
  });

  for (const model of ['starting', 'not-deployed', 'hangs-up', 'never-answers']) {
    it(`PUT answers 503 when the inference function ${model.replace('-', ' ')}, unless told verify=false`, async () => {
      const asked = model === 'never-answers' ? impatient : box;
      const document = withModel(`unverified-${model}`, model);
      const refused = await asked.call('PUT', '/scenario', document);
      assert.equal(refused.status, 503);
      assert.match(refused.body.detail, /^Cannot verify the model: the function inference must do it, but /);
      assert.ok(Number(refused.headers.get('retry-after')) > 0);
      assert.equal((await asked.call('GET', `/scenario/unverified-${model}`)).status, 404);
      const taken = await asked.call('PUT', '/scenario?verify=false', document);
      assert.equal(taken.status, 201);
      assert.deepEqual(taken.body.warnings, [
        {
          pointer: `${INFERENCE}/model_descriptor`,
          message: 'was not checked, because the request said verify=false',
        },
      ]);
    });
  }

  it('PUT tells what is wrong with features, rules, model and topics at once', async () => {
    await box.call('PUT', '/scenario', originalDocument('holder'));
    const document = withModel('all-wrong', 'other-input');
    const { notification_definition: notification } = document.scenario_definition;
    notification.rules = [
      { rule_name: 'good', rule_content: "prediction['label'].data[0] == 1", notification_id: 'a' },
      { rule_name: 'bad', rule_content: "prediction['label'] === 1", notification_id: 'b' },
    ];
    notification.out_topic = 'holder_features.x';
    const ingestion_definition = {
      in_topic: 'all-wrong_raw',
      out_topic: 'all-wrong_features',
      data_descriptor: {
        ingestion_data_name: 'd',
        feature_list: [{ feature_name: 'f', feature_type: 'numpyarraytype', feature_params: { form: '$.x' } }],
      },
    };
    const { status, body } = await box.call('PUT', '/scenario', {
      ...document,
      scenario_definition: { ingestion_definition, ...document.scenario_definition },
    });
    assert.equal(status, 422);
    assert.deepEqual(
      body.errors.map((error: { pointer: string }) => error.pointer),
      [
        '/scenario_definition/ingestion_definition/data_descriptor/feature_list/0/feature_params/form',
        '/scenario_definition/notification_definition/rules/1/rule_content',
        `${INFERENCE}/model_descriptor/model_input_info/0/data_name`,
        '/scenario_definition/notification_definition/out_topic',
      ],
    );
  });

  it('PUT tells of a bad rule even when the model cannot be checked', async () => {
    const document = withModel('half', 'not-deployed');
    document.scenario_definition.notification_definition.rules = [
      { rule_name: 'bad', rule_content: '===', notification_id: 'b' },
    ];
    const { status, body } = await box.call('PUT', '/scenario', document);
    assert.equal(status, 422);
    assert.equal(body.errors.length, 1);
    assert.match(body.model_not_checked, /^Cannot verify the model/);
  });

  it('PUT tells of every expression of a rule that does not compile', async () => {
    const document = withModel('expressions', 'not-deployed');
    const rule = {
      rule_name: 'bad',
      rule_content: 'True',
      notification_id: 'b',
      clear_content: 'nothing',
      group_by: 'sourze',
      message: 'at {tyme}',
    };
    document.scenario_definition.notification_definition.rules = [rule];
    const { status, body } = await box.call('PUT', '/scenario', document);
    assert.equal(status, 422);
    assert.deepEqual(
      body.errors.map((error: { pointer: string }) => error.pointer.split('/').at(-1)),
      ['clear_content', 'group_by', 'message'],
    );
  });

  it('PUT leaves what a function of the user serves to that function, and says so', async () => {
    const document = withModel('foreign', 'other-input');
    const { inference_definition, notification_definition } = document.scenario_definition;
    const { status, body } = await box.call('PUT', '/scenario', {
      ...document,
      scenario_definition: {
        inference_definition: { ...inference_definition, function: 'my-model' },
        notification_definition: {
          ...notification_definition,
          function: 'my-rules',
          rules: [{ rule_name: 'r', rule_content: 'any === thing', notification_id: 'n' }],
        },
      },
    });
    assert.equal(status, 201);
    assert.deepEqual(
      body.warnings.map((warning: { pointer: string }) => warning.pointer),
      [`${INFERENCE}/function`, '/scenario_definition/notification_definition/function'],
    );
  });

  it('PUT warns of a scenario without stages, without features, without rules', async () => {
    const empty = await box.call('PUT', '/scenario', { scenario_name: 'empty', scenario_definition: {} });
    assert.equal(empty.status, 201);
    assert.deepEqual(empty.body.warnings, [
      { pointer: '/scenario_definition', message: 'has no stage: the scenario does nothing' },
    ]);
    const { body } = await box.call('PUT', '/scenario', {
      scenario_name: 'idle',
      scenario_definition: {
        ingestion_definition: { in_topic: 'idle1', out_topic: 'idle2', data_descriptor: null },
        notification_definition: { in_topic: 'idle2', out_topic: 'idle3', rules: null },
      },
    });
    assert.deepEqual(
      body.warnings.map((warning: { pointer: string }) => warning.pointer),
      [
        '/scenario_definition/ingestion_definition/data_descriptor',
        '/scenario_definition/notification_definition/rules',
      ],
    );
  });

  it('POST /scenario/validate answers as PUT would, and keeps nothing', async () => {
    const fine = await box.call('POST', '/scenario/validate', withModel('only_checked', 'other-output'));
    assert.equal(fine.status, 200);
    assert.equal(fine.body.valid, true);
    assert.equal(fine.body._id, 'only-checked');
    assert.equal(fine.body.warnings.length, 1);
    assert.equal((await box.call('GET', '/scenario/only-checked')).status, 404);
    assert.equal((await box.call('POST', '/scenario/validate', withModel('c', 'other-input'))).status, 422);
    assert.equal((await box.call('POST', '/scenario/validate', withModel('c', 'starting'))).status, 503);
    assert.equal((await box.call('POST', '/scenario/validate?verify=false', withModel('c', 'starting'))).status, 200);
  });
});
