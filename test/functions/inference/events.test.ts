import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTensor } from '#lib/tensor/tensor.ts';
import {
  dataOf,
  features,
  MODELS,
  openForTest,
  predictionOf,
  record,
  type StageOptions,
  sendBatch,
  type TestInference,
} from './support/open-for-test.ts';

describe('inference of events', () => {
  let inference: TestInference;
  before(async () => {
    inference = await openForTest();
  });
  after(() => inference.close());

  /** Predictions of one model for features, in their order. */
  async function predict(options: StageOptions, ...data: Record<string, unknown>[]) {
    const id = options.location.replace(/\W/g, '-') + JSON.stringify(options).length;
    inference.records.set(`${id} 1`, record(id, '1', options));
    return sendBatch(
      inference,
      id,
      '1',
      data.map((values, i) => features(`e${i}`, values)),
    );
  }

  it('makes a prediction of features, with the signal’s id and source', async () => {
    const { status, results } = await predict({ location: 'linear.onnx' }, { x: [1, 1, 1] });
    assert.equal(status, 200);
    const [event] = results[0]?.events ?? [];
    assert.equal(event?.type, 'thebox.prediction');
    assert.equal(event?.id, 'e0.prediction');
    assert.equal(event?.source, 'sensor-1');
    assert.equal(event?.correlationid, 'signal-of-e0');
    assert.equal(event?.data.correlation_id, 'signal-of-e0');
    const [[y]] = dataOf(results[0], 'y') as [[number]];
    assert.ok(Math.abs(y - 1 / (1 + Math.exp(-3))) < 1e-6);
  });

  it('takes data with and without the batch dimension, nested or compact, to the same prediction', async () => {
    const compact = Buffer.from(Float32Array.of(1, 1, 1).buffer).toString('base64');
    for (const location of ['linear.onnx', 'linear-fixed.onnx']) {
      const { results } = await predict(
        { location },
        { x: [1, 1, 1] },
        { x: [[1, 1, 1]] },
        { x: { dtype: 'float32', shape: [3], data: compact } },
        { x: { dtype: 'float32', shape: [1, 3], data: compact } },
        { x: { dtype: 'uint8', shape: [3], data: 'AQEB' } },
      );
      const [first, ...others] = results.map((result) => dataOf(result, 'y'));
      for (const other of others) assert.deepEqual(other, first);
    }
  });

  it('keeps order and ids over a batch, and lets one bad row fail alone', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({ i: [i === 30 ? 99 : i % 3] }));
    const { results } = await predict({ location: 'table.onnx' }, ...rows);
    assert.deepEqual(
      results.map(({ id }) => id),
      rows.map((_, i) => `e${i}`),
    );
    results.forEach((result, i) => {
      if (i === 30) assert.equal(result.error?.code, 'invalid_argument');
      else assert.deepEqual(dataOf(result, 'y'), [[[10, 20, 30][i % 3]]]);
    });
    assert.equal(results[30]?.error?.retry, false);
  });

  it('refuses what does not fit, each with its reason, and predicts the rest', async () => {
    const bad: [unknown, RegExp][] = [
      [[1, 2], /takes shape \[n, 3\], with or without its first dimension, got \[2\]/],
      [['a', 'b', 'c'], /must be a number/],
      [
        [
          [1, 2, 3],
          [4, 5],
        ],
        /equally long/,
      ],
      [{ dtype: 'float32', shape: [3], data: 'AAAA' }, /bytes/],
      [{ dtype: 'float32', shape: [1e9, 3], data: '' }, /at most/],
      [{ dtype: 'complex64', shape: [3], data: '' }, /dtype/],
      [null, /must have data/],
    ];
    const { results } = await predict(
      { location: 'linear.onnx' },
      ...bad.map(([x]) => ({ x })),
      { y: [1] },
      {
        x: [0, 0, 1],
      },
    );
    bad.forEach(([, expected], i) => {
      assert.match(results[i]?.error?.message ?? '', expected);
      assert.equal(results[i]?.error?.retry, false);
    });
    assert.match(results[bad.length]?.error?.message ?? '', /feature for the model's input "x", got "y"/);
    assert.deepEqual(predictionOf(results.at(-1)).y?.data, [[0.5]]);
  });

  it('refuses an event whose data is no features body', async () => {
    inference.records.set('plain 1', record('plain', '1', { location: 'linear.onnx' }));
    const { results } = await sendBatch(inference, 'plain', '1', [
      { specversion: '1.0', id: 'a', source: 's', type: 't', data: 'text' },
      { specversion: '1.0', id: 'b', source: 's', type: 't' },
      features('c', { x: [0, 0, 1] }),
    ]);
    assert.match(results[0]?.error?.message ?? '', /feature_data/);
    assert.match(results[1]?.error?.message ?? '', /feature_data/);
    assert.deepEqual(dataOf(results[2], 'y'), [[0.5]]);
  });

  it('passes NaN through and keeps infinities in compact form', async () => {
    const { results } = await predict({ location: 'exp.onnx' }, { x: [null, 0] }, { x: [1000, 0] });
    assert.deepEqual(dataOf(results[0], 'y'), [[null, 1]]);
    const compact = parseTensor(dataOf(results[1], 'y'));
    assert.deepEqual([...compact.data], [Number.POSITIVE_INFINITY, 1]);
  });

  it('writes an output of many elements in compact form', async () => {
    const { results } = await predict({ location: 'wide.onnx' }, { x: [7] }, { x: [8] });
    const wide = parseTensor(dataOf(results[1], 'y'));
    assert.deepEqual(wide.shape, [1, 500]);
    assert.ok(wide.data.every((item) => item === 8));
  });

  it('gives only the outputs that the scenario declares', async () => {
    const outputs = [['logits', 'float32', [1, 3]]] as const;
    const { results } = await predict(
      { location: 'softmax.onnx', outputs },
      {
        'serving/pixels:0': [
          [
            [1, 2],
            [3, 4],
          ],
        ],
      },
    );
    assert.deepEqual(predictionOf(results[0]), { logits: { data: [[5, 6, 7]] } });
  });

  it('names the class of scores, of logits by softmax', async () => {
    const labels = ['cat', 'dog', 'bird'];
    const { results } = await predict(
      { location: 'softmax.onnx', labels },
      {
        'serving/pixels:0': [
          [
            [0, 3],
            [0, 0],
          ],
        ],
      },
    );
    const prediction = predictionOf(results[0]);
    const probability = Math.exp(3) / (Math.exp(3) + 2);
    for (const output of ['serving/probabilities:0', 'logits']) {
      assert.equal(prediction[output]?.class_label, 'dog');
      assert.ok(Math.abs(Number(prediction[output]?.probability) - probability) < 1e-5);
    }
  });

  it('gives scikit-learn’s maps of class to probability, and the class of both outputs', async () => {
    const labels = ['setosa', 'versicolor', 'virginica'];
    for (const location of ['iris-numbers.onnx', 'iris-names-fixed.onnx']) {
      const { results } = await predict(
        { location, labels },
        { float_input: [5, 3, 1, 0.2] },
        {
          float_input: [6, 3, 5, 2.2],
        },
      );
      const keys = location === 'iris-numbers.onnx' ? ['0', '1', '2'] : labels;
      const [setosa, virginica] = results.map(predictionOf);
      assert.equal(setosa?.output_label?.class_label, 'setosa');
      assert.equal(virginica?.output_label?.class_label, 'virginica');
      assert.equal(virginica?.output_probability?.class_label, 'virginica');
      assert.equal(virginica?.output_label?.probability, virginica?.output_probability?.probability);
      assert.deepEqual(setosa?.output_label?.data, [location === 'iris-numbers.onnx' ? 0 : 'setosa']);
      const [map] = dataOf(results[0], 'output_probability') as [Record<string, number>];
      assert.deepEqual(Object.keys(map), keys);
      assert.ok(Math.abs(Object.values(map).reduce((a, b) => a + b, 0) - 1) < 1e-6);
    }
  });

  it('runs a classifier of words', async () => {
    const { results } = await predict({ location: 'words.onnx' }, { words: ['red', 's'] }, { words: [['blue', 'l']] });
    assert.equal(results.filter(({ events }) => events).length, 2);
  });

  it('carries every element type without loss', async () => {
    const values = {
      in_bool: [true, false],
      in_uint8: [0, 255],
      in_uint16: [0, 65535],
      in_uint32: [0, 4294967295],
      in_uint64: [0, '18446744073709551615'],
      in_int8: [-128, 127],
      in_int16: [-32768, 32767],
      in_int32: [-2147483648, 2147483647],
      in_int64: [-1, '9223372036854775807'],
      in_float16: [1.5, -2],
      in_float32: [0.5, 2],
      in_float64: [0.1, 1e300],
      in_string: ['', 'naïve ✓'],
    };
    const { results } = await predict({ location: 'every-type.onnx' }, values);
    const prediction = predictionOf(results[0]);
    for (const [name, value] of Object.entries(values)) {
      assert.deepEqual(prediction[name.replace('in_', 'out_')]?.data, value, name);
    }
  });

  it('gives sequences as lists, optionals as a tensor or null, scalars as numbers', async () => {
    const sequence = await predict(
      { location: 'sequence.onnx' },
      {
        x: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        sizes: [1, 2],
      },
    );
    assert.deepEqual(dataOf(sequence.results[0], 'parts'), [
      [[1, 2]],
      [
        [3, 4],
        [5, 6],
      ],
    ]);
    const optional = await predict(
      { location: 'optional.onnx' },
      { x: [1, 2], wanted: true },
      { x: [1], wanted: false },
    );
    assert.deepEqual(
      optional.results.map((result) => dataOf(result, 'maybe')),
      [[1, 2], null],
    );
    const scalar = await predict({ location: 'scalar.onnx' }, { x: 21 }, { x: [21] });
    assert.deepEqual(
      scalar.results.map((result) => dataOf(result, 'y')),
      [42, 42],
    );
    const small = await predict({ location: 'bfloat16.onnx' }, { x: [1, 2] });
    assert.deepEqual(dataOf(small.results[0], 'y'), [1, 2]);
  });

  it('never runs strangers’ rows together in a model whose rows see each other', async () => {
    const { results } = await predict({ location: 'centred.onnx' }, { x: [1, 2] }, { x: [100, 200] });
    for (const result of results) assert.deepEqual(dataOf(result, 'y'), [[0, 0]]);
  });

  it('runs a model with its tensors in another file, and one of any rank', async () => {
    const external = await predict({ location: 'external.onnx' }, { x: new Array(300).fill(0) });
    const [[sum]] = dataOf(external.results[0], 'y') as [[number]];
    assert.ok(Math.abs(sum - 1 / (1 + Math.exp(3))) < 1e-6);
    const inputs = [['x', 'float32', [1, 2]]] as const;
    const open = await predict({ location: 'any-rank.onnx', inputs }, { x: [1, 2] });
    assert.deepEqual(dataOf(open.results[0], 'y'), [[-1, -2]]);
  });

  it('runs the model of the revision that the connector names, old and new side by side', async () => {
    const root = join(inference.folder, 'root');
    const other = await openForTest({ MODEL_ROOT: inference.folder });
    try {
      await copyFile(join(MODELS, 'linear.onnx'), `${root}.onnx`);
      other.records.set('swap 1', record('swap', '1', { location: 'root.onnx' }));
      const old = await sendBatch(other, 'swap', '1', [features('a', { x: [0, 0, 1] })]);
      await copyFile(join(MODELS, 'any-rank.onnx'), `${root}.onnx`);
      other.records.set('swap 2', record('swap', '2', { location: 'root.onnx' }));
      const [again, fresh] = await Promise.all([
        sendBatch(other, 'swap', '1', [features('b', { x: [0, 0, 1] })]),
        sendBatch(other, 'swap', '2', [features('b', { x: [0, 0, 1] })]),
      ]);
      assert.deepEqual(dataOf(old.results[0], 'y'), [[0.5]]);
      assert.deepEqual(dataOf(again.results[0], 'y'), [[0.5]]);
      assert.deepEqual(dataOf(fresh.results[0], 'y'), [0, 0, -1]);
    } finally {
      await other.close();
    }
  });

  it('answers 503, to be tried again, when the model cannot be had; and 404 for an unknown scenario', async () => {
    const missing = await predict({ location: 'nowhere.onnx' }, { x: [1] });
    assert.equal(missing.status, 503);
    assert.match(missing.problem.detail, /no readable file "nowhere.onnx"/);
    const unknown = await sendBatch(inference, 'nobody', '1', [features('a', { x: [1] })]);
    assert.equal(unknown.status, 404);
  });

  it('asks for the key', async () => {
    const answer = await inference.call({ method: 'POST', headers: { authorization: 'Bearer wrong', 'ce-id': 'a' } });
    assert.equal(answer.status, 403);
  });
});
