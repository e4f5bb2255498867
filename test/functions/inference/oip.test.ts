import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { openForTest, record, type StageOptions, type TestInference } from './support/open-for-test.ts';

interface InferOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
  readonly data: unknown[];
  readonly parameters?: { readonly binary_data_size: number };
}

describe('Open Inference Protocol', () => {
  let inference: TestInference;
  before(async () => {
    inference = await openForTest();
    const models: StageOptions[] = [
      { name: 'linear', location: 'linear.onnx' },
      { name: 'types', location: 'every-type.onnx' },
      { name: 'softmax', location: 'softmax.onnx', labels: ['cat', 'dog', 'bird'] },
      { name: 'iris', location: 'iris-numbers.onnx' },
      // It waits for requests that come together: whether they do is no matter of speed then.
      { name: 'table', location: 'table.onnx', options: { max_delay_us: 100_000 } },
      { name: 'sequence', location: 'sequence.onnx' },
      { name: 'gone', location: 'gone.onnx' },
    ];
    for (const options of models) inference.records.set(`${options.name} 1`, record(options.name ?? '', '1', options));
  });
  after(() => inference.close());

  const get = (path: string) => inference.call({ path: `/v2${path}` });
  const post = (path: string, body: unknown, headers?: Record<string, string>) =>
    inference.post(`/v2${path}`, body, headers);
  const X = { name: 'x', shape: [1, 3], datatype: 'FP32', data: [1, 1, 1] };

  async function infer(model: string, body: unknown): Promise<InferOutput[]> {
    const answer = await post(`/models/${model}/infer`, body);
    assert.equal(answer.status, 200, answer.body.toString());
    return (answer.json() as { outputs: InferOutput[] }).outputs;
  }

  async function refused(status: number, model: string, body: unknown, headers?: Record<string, string>) {
    const answer = await post(`/models/${model}/infer`, body, headers);
    assert.equal(answer.status, status, answer.body.toString());
    const { error } = answer.json() as { error: string };
    assert.equal(typeof error, 'string');
    return error;
  }

  it('tells of the server, its health and its models', async () => {
    assert.equal(((await get('')).json() as { name: string }).name, 'thebox');
    assert.equal((await get('/health/live')).status, 200);
    assert.equal((await get('/health/ready')).status, 200);
    assert.deepEqual((await get('/models/linear')).json(), {
      name: 'linear',
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
    });
    assert.equal((await get('/models/linear/versions/1/ready')).status, 200);
    assert.equal((await get('/models/linear/versions/7')).status, 404);
    assert.equal((await get('/models/nobody')).status, 404);
    const index = (await post('/repository/index', {})).json() as { name: string; state: string; reason: string }[];
    assert.equal(index.find(({ name }) => name === 'linear')?.state, 'READY');
    const ready = (await post('/repository/index', { ready: true })).json() as { state: string }[];
    assert.ok(ready.length < index.length && ready.every(({ state }) => state === 'READY'));
  });

  it('infers from JSON, flat or nested, many rows, with the request’s id', async () => {
    const answer = await post('/models/linear/versions/1/infer', { id: 'a', inputs: [X] });
    assert.equal((answer.json() as { id: string }).id, 'a');
    const [flat] = await infer('linear', { inputs: [{ ...X, shape: [2, 3], data: [0, 0, 1, 0, 0, 1] }] });
    const [nested] = await infer('linear', {
      inputs: [
        {
          ...X,
          shape: [2, 3],
          data: [
            [0, 0, 1],
            [0, 0, 1],
          ],
        },
      ],
    });
    assert.deepEqual(flat, { name: 'y', datatype: 'FP32', shape: [2, 1], data: [0.5, 0.5] });
    assert.deepEqual(nested, flat);
  });

  it('takes and gives binary tensors, beside JSON ones', async () => {
    const ints = BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n);
    const texts = Buffer.concat(
      ['a', 'naïve'].map((text) => {
        const bytes = Buffer.from(text);
        return Buffer.concat([Buffer.from(Uint32Array.of(bytes.length).buffer), bytes]);
      }),
    );
    const others = {
      in_bool: ['BOOL', [true, false]],
      in_uint8: ['UINT8', [1, 2]],
      in_uint16: ['UINT16', [1, 2]],
      in_uint32: ['UINT32', [1, 2]],
      in_uint64: ['UINT64', [1, 2]],
      in_int8: ['INT8', [1, 2]],
      in_int16: ['INT16', [1, 2]],
      in_int32: ['INT32', [1, 2]],
      in_float16: ['FP16', [1.5, 2]],
      in_float32: ['FP32', [1.5, 2]],
      in_float64: ['FP64', [1.5, 2]],
    };
    const head = Buffer.from(
      JSON.stringify({
        inputs: [
          { name: 'in_int64', shape: [2], datatype: 'INT64', parameters: { binary_data_size: 16 } },
          { name: 'in_string', shape: [2], datatype: 'BYTES', parameters: { binary_data_size: texts.length } },
          ...Object.entries(others).map(([name, [datatype, data]]) => ({ name, shape: [2], datatype, data })),
        ],
        outputs: [
          { name: 'out_string', parameters: { binary_data: true } },
          { name: 'out_int64' },
          { name: 'out_float16', parameters: { binary_data: true } },
        ],
      }),
    );
    const answer = await post('/models/types/infer', Buffer.concat([head, Buffer.from(ints.buffer), texts]), {
      'inference-header-content-length': String(head.length),
    });
    assert.equal(answer.status, 200, answer.body.toString());
    const length = Number(answer.headers['inference-header-content-length']);
    const text = answer.body.subarray(0, length).toString();
    assert.match(text, /"data":\[-9223372036854775808,9223372036854775807\]/);
    const { outputs } = JSON.parse(text) as { outputs: InferOutput[] };
    assert.equal(outputs[0]?.parameters?.binary_data_size, texts.length);
    assert.deepEqual(answer.body.subarray(length, length + texts.length), texts);
    assert.equal(answer.body.subarray(length + texts.length).toString('hex'), '003e0040');
  });

  it('keeps all digits of 64-bit numbers in JSON', async () => {
    const kinds = ['bool', 'uint8', 'uint16', 'uint32', 'int8', 'int16', 'int32', 'float16', 'float32', 'float64'];
    const names: Record<string, string> = { float16: 'FP16', float32: 'FP32', float64: 'FP64' };
    const rest = kinds.map(
      (kind) =>
        `{"name":"in_${kind}","shape":[1],"datatype":"${names[kind] ?? kind.toUpperCase()}","data":[${kind === 'float32' ? '100000000000000000000' : 1}]}`,
    );
    const body = `{"inputs":[{"name":"in_int64","shape":[1],"datatype":"INT64","data":[-9223372036854775807]},
      {"name":"in_uint64","shape":[1],"datatype":"UINT64","data":[18446744073709551615]},
      {"name":"in_string","shape":[1],"datatype":"BYTES","data":["x"]},${rest.join(',')}]}`;
    const answer = await post('/models/types/infer', Buffer.from(body));
    assert.match(
      answer.body.toString(),
      /"out_int64","datatype":"INT64","shape":\[1\],"data":\[-9223372036854775807\]/,
    );
    assert.match(answer.body.toString(), /"data":\[18446744073709551615\]/);
  });

  it('gives classes by the classification parameter, and probabilities of a ZipMap as a tensor', async () => {
    const pixels = { name: 'serving/pixels:0', shape: [1, 1, 2, 2], datatype: 'FP32', data: [0, 3, 0, 0] };
    const outputs = [{ name: 'logits', parameters: { classification: 2 } }];
    const [classes] = await infer('softmax', { inputs: [pixels], outputs });
    assert.deepEqual(classes, {
      name: 'logits',
      datatype: 'BYTES',
      shape: [1, 2],
      data: ['3.000000:1:dog', '0.000000:0:cat'],
    });
    const [label, probability] = await infer('iris', {
      inputs: [{ name: 'float_input', shape: [1, 4], datatype: 'FP32', data: [5, 3, 1, 0.2] }],
    });
    assert.deepEqual(label?.data, [0]);
    assert.deepEqual(probability?.shape, [1, 3]);
  });

  it('stacks a sequence of equal tensors, and says why others cannot be sent', async () => {
    const inputs = (sizes: number[]) => [
      { name: 'x', shape: [2, 2], datatype: 'FP32', data: [1, 2, 3, 4] },
      { name: 'sizes', shape: [sizes.length], datatype: 'INT64', data: sizes },
    ];
    const [parts] = await infer('sequence', { inputs: inputs([1, 1]) });
    assert.deepEqual(parts, { name: 'parts', datatype: 'FP32', shape: [2, 1, 2], data: [1, 2, 3, 4] });
    assert.match(await refused(422, 'sequence', { inputs: inputs([2, 0]) }), /equal shapes/);
  });

  it('takes gzip bodies, and refuses bombs and other encodings', async () => {
    const body = gzipSync(JSON.stringify({ inputs: [X] }));
    const answer = await post('/models/linear/infer', body, { 'content-encoding': 'gzip' });
    assert.equal(answer.status, 200);
    const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024));
    assert.match(await refused(413, 'linear', bomb, { 'content-encoding': 'gzip' }), /at most/);
    assert.match(await refused(400, 'linear', Buffer.from('x'), { 'content-encoding': 'gzip' }), /must be gzip/);
    assert.match(await refused(415, 'linear', Buffer.from('x'), { 'content-encoding': 'br' }), /gzip or deflate/);
  });

  it('refuses what does not fit, with the reason in the protocol’s own form', async () => {
    const one = (input: object) => ({ inputs: [input] });
    const cases: [unknown, RegExp][] = [
      [{}, /"inputs"/],
      [one({ ...X, name: 'z' }), /inputs are "x", got "z"/],
      [one({ ...X, datatype: 'INT32' }), /datatype FP32, got "INT32"/],
      [one({ ...X, shape: [1, 4], data: [1, 2, 3, 4] }), /takes shape \[n, 3\], got \[1, 4\]/],
      [one({ ...X, shape: [-1, 3] }), /whole numbers from 0/],
      [one({ ...X, shape: '3' }), /must be a list/],
      [one({ ...X, data: [1, 2] }), /must have 3 elements, got 2/],
      [one({ ...X, data: ['a', 'b', 'c'] }), /must be a number/],
      [one({ ...X, data: { length: 3 } }), /must have data/],
      [one({ ...X, parameters: { binary_data_size: 12 } }), /binary part has 0 bytes/],
      [one({ ...X, parameters: { binary_data_size: -1 } }), /whole number from 0/],
      [one({ ...X, parameters: { binary_data_size: 2 ** 31 } }), /binary part has 0 bytes/],
      [{ inputs: [X, X] }, /once/],
      [{ inputs: [] }, /input "x" must be given/],
      [{ inputs: [X], outputs: [{ name: 'q' }] }, /outputs are "y", got "q"/],
      [{ inputs: [X], outputs: 'y' }, /outputs must be a list/],
      [{ inputs: [X], outputs: [{ name: 'y', parameters: { classification: 'all' } }] }, /classification/],
      [{ inputs: [X], parameters: { binary_data_output: 'yes' } }, /true or false/],
    ];
    for (const [body, expected] of cases) assert.match(await refused(400, 'linear', body), expected);
    assert.match(await refused(413, 'linear', one({ ...X, shape: [1e9, 3] })), /at most/);
    assert.match(await refused(400, 'linear', Buffer.from('{')), /JSON/);
    assert.match(await refused(404, 'nobody', one(X)), /nobody/);
    assert.match(await refused(404, 'gone', one(X)), /no readable file/);
  });

  it('refuses a header length that lies and binary data that is too short or too long', async () => {
    const head = JSON.stringify({ inputs: [{ ...X, data: undefined, parameters: { binary_data_size: 12 } }] });
    const send = (length: string, bytes: number) =>
      refused(400, 'linear', Buffer.concat([Buffer.from(head), Buffer.alloc(bytes)]), {
        'inference-header-content-length': length,
      });
    const right = String(Buffer.byteLength(head));
    assert.match(await send('99999', 12), /at most/);
    assert.match(await send('-1', 12), /whole number/);
    assert.match(await send('10', 12), /JSON/);
    assert.match(await send(right, 8), /binary part has 8 bytes/);
    assert.match(await send(right, 16), /must be 12 bytes as the inputs say, got 16/);
    const short = JSON.stringify({ inputs: [{ ...X, data: undefined, parameters: { binary_data_size: 8 } }] });
    const error = await refused(400, 'linear', Buffer.concat([Buffer.from(short), Buffer.alloc(8)]), {
      'inference-header-content-length': String(Buffer.byteLength(short)),
    });
    assert.match(error, /3 elements of float32 are 12 bytes, got 8/);
  });

  it('runs requests that wait together, in order, and lets a bad one fail alone', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        post('/models/table/infer', {
          inputs: [{ name: 'i', shape: [1, 1], datatype: 'INT64', data: [i === 20 ? 99 : i % 3] }],
        }),
      ),
    );
    answers.forEach((answer, i) => {
      if (i === 20) assert.equal(answer.status, 400);
      else assert.deepEqual((answer.json() as { outputs: InferOutput[] }).outputs[0]?.data, [[10, 20, 30][i % 3]]);
    });
    const stats = ((await get('/models/table/stats')).json() as { model_stats: Record<string, number>[] })
      .model_stats[0];
    assert.equal(stats?.inference_count, 39);
    assert.ok((stats?.execution_count ?? 99) < 39);
  });

  it('refuses requests beyond the queue with 503 and Retry-After', async () => {
    const crowded = await openForTest({ MODEL_MAX_QUEUE: '3', MODEL_THREADS: '1' });
    try {
      crowded.records.set('slow 1', record('slow', '1', { name: 'slow', location: 'slow.onnx' }));
      const inputs = [{ name: 'x', shape: [1, 1], datatype: 'FP32', data: [5] }];
      // All of them are there before the model is loaded, and none is done before the last one asks.
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => crowded.post('/v2/models/slow/infer', { inputs })),
      );
      const busy = answers.filter(({ status }) => status === 503);
      assert.ok(busy.length > 0 && busy.length < 20, `${busy.length} of 20`);
      assert.equal(busy[0]?.headers['retry-after'], '1');
      assert.ok(answers.every(({ status }) => status === 200 || status === 503));
    } finally {
      await crowded.close();
    }
  });

  it('unloads and loads models by hand', async () => {
    assert.equal((await post('/repository/models/linear/unload', {})).status, 200);
    assert.equal((await get('/models/linear/ready')).status, 503);
    assert.match(await refused(503, 'linear', { inputs: [X] }), /unloaded/);
    assert.equal((await post('/repository/models/linear/load', {})).status, 200);
    assert.equal((await get('/models/linear/ready')).status, 200);
    assert.equal((await post('/repository/models/nobody/load', {})).status, 404);
    assert.equal((await post('/repository/models/gone/load', {})).status, 404);
  });

  it('asks for the key, but not for health', async () => {
    const headers = { authorization: '' };
    assert.equal((await inference.call({ path: '/v2/models/linear', headers })).status, 401);
    assert.equal((await inference.call({ path: '/v2/health/live', headers })).status, 200);
  });
});
