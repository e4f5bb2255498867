import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openForTest, record, type StageOptions, stage } from '../functions/inference/support/open-for-test.ts';
import { temporaryFolder } from '../support/servers.ts';
import { runBox } from './run-box.ts';

const GRAPHS = join(import.meta.dirname, '../functions/converter/graphs');
const HOME = { HOME: process.env.HOME ?? '', XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? '' };

interface Expected {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

describe('box model convert', function () {
  // Each conversion starts TensorFlow, which takes half a minute on a slow machine.
  this.timeout(600_000);

  let folder: string;
  let expected: Readonly<Record<string, Expected>>;
  before(async () => {
    folder = await temporaryFolder('convert');
    expected = JSON.parse(await readFile(join(GRAPHS, 'expected.json'), 'utf8'));
  });

  const convert = (...args: string[]) => runBox(folder, HOME, '--json', 'model', 'convert', ...args);

  /** Runs a converted model in the inference function; its first output. */
  async function infer(options: StageOptions, shape: readonly number[], datatype: string, data: unknown) {
    const inference = await openForTest({ MODEL_ROOT: folder });
    try {
      inference.records.set('m 1', record('m', '1', { name: 'm', ...options }));
      const inputs = [{ name: options.inputs?.[0]?.[0], shape, datatype, data }];
      const answer = await inference.post('/v2/models/m/infer', { inputs });
      assert.equal(answer.status, 200, answer.body.toString());
      return (answer.json() as { outputs: { data: number[] }[] }).outputs[0]?.data ?? [];
    } finally {
      await inference.close();
    }
  }

  it('makes a model with the names of a scenario that gives what TensorFlow gives', async () => {
    const options: StageOptions = {
      location: 'dense.onnx',
      inputs: [['dense_input', 'float32', [null, 4]]],
      outputs: [['dense_1/Softmax', 'float32', [null, 3]]],
    };
    const scenario = {
      scenario_name: 'converted',
      scenario_definition: { inference_definition: stage({ ...options, type: 'TENSORFLOW' }) },
    };
    await writeFile(join(folder, 'scenario.json'), JSON.stringify(scenario));
    const run = await convert(join(GRAPHS, 'dense.pb'), 'dense.onnx', '--scenario', 'scenario.json');
    assert.equal(run.status, 0, run.stderr);
    const converted = JSON.parse(run.stdout);
    assert.equal(converted.file, join(folder, 'dense.onnx'));
    assert.equal(converted.compared, true);
    assert.deepEqual(converted.inputs, [{ name: 'dense_input', dtype: 'float32', shape: [null, 4] }]);
    const { inputs, outputs } = expected.dense ?? assert.fail('dense is in expected.json');
    const data = await infer(options, [2, 4], 'FP32', inputs['dense_input:0']);
    const wanted = (outputs['dense_1/Softmax:0'] as number[][]).flat();
    assert.equal(data.length, wanted.length);
    for (const [i, value] of data.entries()) assert.ok(Math.abs(value - (wanted[i] ?? Number.NaN)) < 1e-5);
  });

  it('takes a shape where the graph has none, and places of a node’s outputs', async () => {
    const run = await convert(join(GRAPHS, 'any-rank.pb'), 'rank.onnx', '--input', 'x[?,3]', '--output', 'y:0');
    assert.equal(run.status, 0, run.stderr);
    const { inputs, outputs } = JSON.parse(run.stdout);
    assert.deepEqual(inputs, [{ name: 'x', dtype: 'float32', shape: [null, 3] }]);
    assert.deepEqual(outputs, [{ name: 'y:0', dtype: 'float32', shape: [null, 2] }]);
  });

  it('says what a graph is lacking, and leaves no file behind', async () => {
    const refusals: readonly (readonly [args: readonly string[], said: RegExp])[] = [
      [[join(GRAPHS, 'not-frozen.pb')], /must be frozen, .* got 1 variables \(weights/],
      [
        [join(GRAPHS, 'dense.pb'), '--input', 'x'],
        /input 'x' must be a node of it; its placeholders are 'dense_input'/,
      ],
      [[join(GRAPHS, 'expected.json')], /must be a TensorFlow frozen graph/],
      [[join(GRAPHS, 'nobody.pb')], /No such file/],
    ];
    for (const [[graph = '', ...args], said] of refusals) {
      const run = await convert(graph, 'refused.onnx', ...args);
      assert.equal(run.status, 2, run.stderr);
      assert.match(run.stderr, said);
    }
    await assert.rejects(readFile(join(folder, 'refused.onnx')), { code: 'ENOENT' });
  });
});
