import assert from 'node:assert/strict';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { sharedNats, uniqueName } from '../../support/servers.ts';
import {
  dataOf,
  features,
  openForTest,
  predictionOf,
  record,
  sendBatch,
  type TestInference,
} from './support/open-for-test.ts';

describe('built-in models', () => {
  let inference: TestInference;
  before(async () => {
    inference = await openForTest({ NATS_URL: (await sharedNats()).url });
  });
  after(() => inference.close());

  function builtin(
    name: string,
    shape: readonly number[],
    options: Record<string, unknown> = {},
    labels?: readonly string[],
  ): ScenarioRecord {
    const made = record(uniqueName('s'), '1', {
      location: 'none',
      name,
      type: 'BUILTIN',
      inputs: [['x', 'float32', shape]],
      ...(labels && { labels }),
    });
    const definition = made.scenario.scenario_definition.inference_definition;
    if (definition === undefined) throw new Error('there is no inference stage');
    const { model_location: _none, ...descriptor } = definition.model_descriptor;
    const inference_definition = { ...definition, model_descriptor: { ...descriptor, model_options: options } };
    const scenario = { ...made.scenario, scenario_definition: { inference_definition } };
    inference.records.set(`${made.id} 1`, { ...made, scenario });
    return { ...made, scenario };
  }

  const values = (...list: unknown[]) => list.map((x, i) => features(`e${i}`, { x }));
  const flat = (result: Parameters<typeof dataOf>[0], output: string) => (dataOf(result, output) as number[]).flat(5);

  it('identity gives its input', async () => {
    const { id } = builtin('identity', [1, 2]);
    const { results } = await sendBatch(inference, id, '1', values([1, 2], [[3, 4]]));
    assert.deepEqual(
      results.map((result) => dataOf(result, 'x')),
      [[[1, 2]], [[3, 4]]],
    );
  });

  it('threshold labels what lies outside, by name where there are class labels', async () => {
    const { id } = builtin('threshold', [1], { low: 0, high: 10 }, ['fine', 'alarm']);
    const { results } = await sendBatch(inference, id, '1', values(5, -1, 11, 'x', 10));
    assert.deepEqual(
      results.map((result) => (result.error ? result.error.code : predictionOf(result).label?.class_label)),
      ['fine', 'alarm', 'alarm', 'invalid_argument', 'fine'],
    );
    assert.deepEqual(dataOf(results[1], 'label'), [1]);
  });

  for (const name of ['zscore', 'ewma']) {
    it(`${name} learns what is usual and labels what is not, over batches`, async () => {
      const { id } = builtin(name, [1], { min_count: 5 });
      const usual = Array.from({ length: 40 }, (_, i) => 20 + (i % 3));
      await sendBatch(
        inference,
        id,
        '1',
        usual.slice(0, 20).map((x, i) => features(`a${i}`, { x })),
      );
      const { results } = await sendBatch(inference, id, '1', [
        ...usual.slice(20).map((x, i) => features(`b${i}`, { x })),
        features('odd', { x: 90 }),
      ]);
      const found = results.map((result) => flat(result, 'label')[0]);
      assert.deepEqual(found, [...new Array(20).fill(0), 1]);
      assert.ok(Number(flat(results.at(-1), 'score')[0]) > 10);
      assert.ok(Math.abs(Number(flat(results.at(-1), 'mean')[0]) - 21) < 1);
    });
  }

  it('zscore has the mean and deviation of textbooks', async () => {
    const { id } = builtin('zscore', [1], { min_count: 3 });
    const { results } = await sendBatch(inference, id, '1', values(2, 4, 6, 10));
    assert.deepEqual(
      results.map((result) => flat(result, 'score')[0]),
      [0, 0, 0, 3],
    );
    assert.equal(flat(results[3], 'mean')[0], 4);
  });

  it('follows each source by itself', async () => {
    const { id } = builtin('zscore', [1], { min_count: 2 });
    const from = (source: string, event: string, x: number) => ({ ...features(event, { x }), source });
    const { results } = await sendBatch(inference, id, '1', [
      from('a', '1', 0),
      from('b/ü', '2', 100),
      from('a', '3', 2),
      from('b/ü', '4', 102),
      from('a', '5', 1),
      from('b/ü', '6', 101),
    ]);
    assert.deepEqual(
      results.slice(4).map((result) => flat(result, 'score')[0]),
      [0, 0],
    );
    assert.deepEqual(
      results.slice(4).map((result) => flat(result, 'mean')[0]),
      [1, 101],
    );
  });

  it('learns nothing twice when a batch comes again, whole or in part', async () => {
    const { id } = builtin('zscore', [1], { min_count: 2 });
    await sendBatch(inference, id, '1', values(1, 2, 3));
    const next = [4, 5, 6, 7].map((x, i) => features(`n${i}`, { x }));
    const first = await sendBatch(inference, id, '1', next);
    const again = await sendBatch(inference, id, '1', next);
    assert.deepEqual(again.results, first.results);
    const rest = await sendBatch(inference, id, '1', next.slice(2));
    assert.deepEqual(rest.results, first.results.slice(2));
  });

  it('are verified: names, options, inputs, outputs', async () => {
    const check = async (scenario: ScenarioRecord) => {
      const answer = await inference.post('/verify', scenario.scenario.scenario_definition.inference_definition);
      const body = answer.json() as { errors?: { pointer: string }[]; outputs?: { name: string }[] };
      return answer.status === 200
        ? body.outputs?.map(({ name }) => name)
        : body.errors?.map(({ pointer }) => pointer.replace('/model_descriptor/', ''));
    };
    assert.deepEqual(await check(builtin('zscore', [1])), ['score', 'label', 'mean']);
    assert.deepEqual(await check(builtin('identity', [1])), ['x']);
    assert.deepEqual(await check(builtin('magic', [1])), ['model_name']);
    assert.deepEqual(await check(builtin('ewma', [1], { alpha: 2, limit: -1, colour: 'red' })), [
      'model_options/alpha',
      'model_options/limit',
      'model_options/colour',
    ]);
    assert.deepEqual(await check(builtin('zscore', [1, 5000])), ['model_input_info/0/data_shape']);
  });

  it('that learn say that they need NATS', async () => {
    const without = await openForTest();
    try {
      const { id, scenario } = builtin('zscore', [1]);
      without.records.set(`${id} 1`, { ...record(id, '1', { location: '' }), scenario });
      const answer = await sendBatch(without, id, '1', values(1));
      assert.equal(answer.status, 503);
      assert.match(answer.problem.detail, /NATS_URL must be set/);
    } finally {
      await without.close();
    }
  });

  describe('by the Open Inference Protocol', () => {
    const post = (name: string, data: number[], more: object = {}) =>
      inference.post(`/v2/models/${name}/infer`, {
        inputs: [{ name: 'x', shape: [data.length], datatype: 'FP64', data }],
        ...more,
      });

    it('are served by the scenario’s id, with metadata, and loaded from nowhere', async () => {
      const { id } = builtin('threshold', [2], { low: 0, high: 10 }, ['fine', 'alarm']);
      const metadata = (await inference.call({ path: `/v2/models/${id}` })).json();
      assert.deepEqual(metadata, {
        name: id,
        versions: ['1'],
        platform: 'thebox_builtin',
        inputs: [{ name: 'x', datatype: 'FP64', shape: [-1] }],
        outputs: [{ name: 'label', datatype: 'INT64', shape: [-1] }],
      });
      const answer = await post(id, [5, 11]);
      assert.equal(answer.status, 200, answer.body.toString());
      assert.deepEqual((answer.json() as { outputs: { data: number[] }[] }).outputs[0]?.data, [0, 1]);
      assert.equal((await inference.call({ path: `/v2/models/${id}/ready` })).status, 200);
      assert.equal((await inference.post(`/v2/repository/models/${id}/unload`, {})).status, 200);
      assert.equal((await post(id, [5, 11])).status, 503);
      assert.equal((await inference.post(`/v2/repository/models/${id}/load`, {})).status, 200);
      assert.equal((await post(id, [5, 11])).status, 200);
      const configured = await inference.post(`/v2/repository/models/${id}/load`, { parameters: { config: '{}' } });
      assert.equal(configured.status, 400);
      assert.match(configured.body.toString(), /a built-in model takes no configuration/);
    });

    it('learn from each sequence by itself, in the order of the requests', async () => {
      const { id } = builtin('zscore', [1], { min_count: 2, limit: 3 });
      const score = async (value: number, sequence_id: string | number) => {
        const answer = await post(id, [value], { parameters: { sequence_id } });
        assert.equal(answer.status, 200, answer.body.toString());
        const { outputs } = answer.json() as { outputs: { name: string; data: number[] }[] };
        return outputs.find(({ name }) => name === 'label')?.data[0];
      };
      await Promise.all([1, 2, 1, 2, 1, 2].map((value) => score(value, 'pump')));
      assert.deepEqual([await score(100, 'pump'), await score(100, 7)], [1, 0]);
    });
  });
});
