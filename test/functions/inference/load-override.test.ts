import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MODELS, openForTest, record, type TestInference } from './support/open-for-test.ts';

describe('loading a model with a configuration or files of the caller’s', () => {
  let inference: TestInference;
  before(async () => {
    inference = await openForTest();
    inference.records.set(
      'linear 1',
      record('linear', '1', { name: 'linear', location: 'linear.onnx', labels: ['a'] }),
    );
  });
  after(() => inference.close());

  const file = async (name: string) => (await readFile(join(MODELS, name))).toString('base64');
  const load = (name: string, parameters?: object) =>
    inference.post(`/v2/repository/models/${name}/load`, parameters === undefined ? {} : { parameters });
  const config = async (name: string) =>
    (await inference.call({ path: `/v2/models/${name}/config` })).json() as Record<string, unknown>;

  async function refused(parameters: object, status: number, said: RegExp, name = 'linear') {
    const answer = await load(name, parameters);
    assert.equal(answer.status, status, answer.body.toString());
    assert.match((answer.json() as { error: string }).error, said);
  }

  it('runs it as the configuration says until it is loaded without one', async () => {
    const own = await config('linear');
    assert.equal(own.max_batch_size, 256);
    const changed = {
      ...own,
      max_batch_size: 4,
      class_labels: ['p', 'q'],
      dynamic_batching: { max_queue_delay_microseconds: '200', preferred_batch_size: [4] },
      optimization: { graph: { level: 1 } },
      parameters: { intra_op_thread_count: { string_value: '2' } },
      instance_group: [{ count: 1, kind: 'KIND_CPU' }],
    };
    assert.equal((await load('linear', { config: JSON.stringify(changed) })).status, 200);
    const now = await config('linear');
    assert.equal(now.max_batch_size, 4);
    assert.deepEqual(now.class_labels, ['p', 'q']);
    assert.deepEqual(now.parameters, {
      intra_op_thread_count: { string_value: '2' },
      inter_op_thread_count: { string_value: '1' },
    });
    assert.deepEqual(now.optimization, { graph: { level: 'extended' }, execution_providers: ['cpu'] });
    assert.equal((await load('linear')).status, 200);
    assert.deepEqual(await config('linear'), own);
  });

  it('runs files that came with the request, under any name, until it is unloaded', async () => {
    const files = { 'file:2/model.onnx': await file('linear.onnx'), 'file:7/model.onnx': await file('exp.onnx') };
    assert.equal((await load('sent', { config: '{}', ...files })).status, 200);
    const metadata = (await inference.call({ path: '/v2/models/sent' })).json() as { versions: string[] };
    assert.deepEqual(metadata.versions.toSorted(), ['2', '7']);
    const inputs = [{ name: 'x', shape: [1, 3], datatype: 'FP32', data: [0, 0, 1] }];
    const answer = await inference.post('/v2/models/sent/versions/2/infer', { inputs });
    assert.equal(answer.status, 200, answer.body.toString());
    assert.equal((await inference.post('/v2/repository/models/sent/unload', {})).status, 200);
    assert.equal((await load('sent')).status, 404);
  });

  it('takes the files that hold the model’s tensors with it, and says which one is missing', async () => {
    const model = { 'file:1/model.onnx': await file('external.onnx') };
    await refused({ config: '{}', ...model }, 422, /its file "external.weights" must be sent with it/, 'beside');
    const weights = { 'file:1/external.weights': await file('external.weights') };
    assert.equal((await load('beside', { config: '{}', ...model, ...weights })).status, 200);
    // As large as models are: a bound of the expression that looks at it must not be theirs.
    const large = { 'file:1/notes.bin': Buffer.alloc(12 * 1024 * 1024).toString('base64') };
    assert.equal((await load('beside', { config: '{}', ...model, ...weights, ...large })).status, 200);
  });

  it('says what it does not honour, and leaves the model as it was', async () => {
    const before = await config('linear');
    const of = (value: object) => ({ config: JSON.stringify(value) });
    await refused(of({ instance_group: [{ kind: 'KIND_GPU' }] }), 400, /\/instance_group must be of KIND_CPU/);
    await refused(of({ ensemble_scheduling: {}, backend: 'python' }), 400, /\/ensemble_scheduling .*\/backend must be/);
    await refused(of({ max_batch_size: -1 }), 400, /\/max_batch must be a whole number/);
    await refused(of({ name: 'other' }), 400, /\/name must be "linear"/);
    await refused(of({ input: [{ name: 'z' }] }), 400, /the inputs of its config must be among "x", got "z"/);
    await refused({ config: 'no json' }, 400, /config must be a JSON object as text/);
    await refused({ color: 'red' }, 400, /its parameters are config and file:VERSION\/NAME, got "color"/);
    await refused({ 'file:1/model.onnx': 'AAAA' }, 400, /files must come with a config/);
    await refused({ config: '{}', 'file:1/../x.onnx': 'AAAA' }, 400, /must lie in the folder of its version/);
    await refused({ config: '{}', 'file:1/model.onnx': '*' }, 400, /must be base64/);
    await refused(
      { config: '{}', 'file:1/other.onnx': 'AAAA' },
      400,
      /version 1 must have a file model\.onnx, got other/,
    );
    await refused({ config: '{}', 'file:1/model.onnx': 'AAAA' }, 422, /must be an ONNX file/);
    assert.deepEqual(await config('linear'), before);
  });
});
