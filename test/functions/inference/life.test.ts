import assert from 'node:assert/strict';
import { copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/servers.ts';
import {
  dataOf,
  features,
  MODELS,
  openForTest,
  record,
  sendBatch,
  type TestInference,
} from './support/open-for-test.ts';

const infer = (inference: TestInference, model: string, input: object) =>
  inference.post(`/v2/models/${model}/infer`, { inputs: [input] });
const X = { name: 'x', shape: [1, 3], datatype: 'FP32', data: [0, 0, 1] };
/** Small requests beside a large model. */
const SMALL = 20;

/** Puts a model in the place of another, as one step. */
async function place(name: string, root: string): Promise<void> {
  await copyFile(join(MODELS, name), join(root, 'next'));
  await rename(join(root, 'next'), join(root, 'model.onnx'));
}

async function metric(inference: TestInference, line: RegExp): Promise<number> {
  return Number(line.exec(await inference.opened.metrics())?.[1]);
}

/** Asks linear four times at once, again and again. @returns what it answered */
async function askUntil(inference: TestInference, isEnough: () => Promise<boolean>): Promise<string[]> {
  const outputs: string[] = [];
  while (!(await isEnough())) {
    const answers = await Promise.all(Array.from({ length: 4 }, () => infer(inference, 'linear', X)));
    outputs.push(...answers.map(({ body }) => /"data":\[(.*?)\]/.exec(body.toString())?.[1] ?? body.toString()));
  }
  return outputs;
}

describe('threads of models', () => {
  it('answer small requests and health while a large model runs', async () => {
    const inference = await openForTest({ MODEL_THREADS: '2' });
    try {
      for (const name of ['slow', 'linear']) {
        inference.records.set(`${name} 1`, record(name, '1', { name, location: `${name}.onnx` }));
      }
      await infer(inference, 'linear', X);
      const large = { name: 'x', shape: [1, 1], datatype: 'FP32', data: [5] };
      assert.equal((await infer(inference, 'slow', large)).status, 200);
      let isEnough = false;
      let runs = 0;
      const running = (async () => {
        for (; !isEnough; runs++) assert.equal((await infer(inference, 'slow', large)).status, 200);
      })();
      for (let i = 0; i < SMALL; i++) {
        assert.equal((await infer(inference, 'linear', X)).status, 200);
        await inference.opened.health();
      }
      // Had each waited for the run that it met, as many large ones would be done by now.
      assert.ok(runs < SMALL / 2, `${runs} large runs during ${SMALL} small ones`);
      isEnough = true;
      await running;
    } finally {
      await inference.close();
    }
  });

  for (const placement of ['worker', 'main']) {
    it(`run a model in the ${placement} thread when told to`, async () => {
      const inference = await openForTest({ MODEL_PLACEMENT: placement });
      try {
        inference.records.set('linear 1', record('linear', '1', { name: 'linear', location: 'linear.onnx' }));
        assert.equal((await infer(inference, 'linear', X)).status, 200);
        assert.match(await inference.opened.metrics(), new RegExp(`box_model_bytes{[^}]*placement="${placement}"`));
      } finally {
        await inference.close();
      }
    });
  }

  it('get a model one after the other, once its runs wait for each other', async () => {
    const inference = await openForTest({ MODEL_PLACEMENT: 'worker' });
    try {
      inference.records.set('linear 1', record('linear', '1', { name: 'linear', location: 'linear.onnx' }));
      const threads = () => metric(inference, /^box_model_threads{.*} (\d+)$/m);
      for (let i = 0; i < 20; i++) assert.equal((await infer(inference, 'linear', X)).status, 200);
      assert.equal(await threads(), 1);
      const answers = await askUntil(inference, async () => (await threads()) === 2);
      assert.deepEqual([...new Set(answers)], ['0.5']);
    } finally {
      await inference.close();
    }
  });

  it('do not get a model that has no room there', async () => {
    // Room for one copy as it is counted, not for two.
    const inference = await openForTest({ MODEL_PLACEMENT: 'worker', MODEL_MEMORY_BYTES: '400000' });
    try {
      inference.records.set('linear 1', record('linear', '1', { name: 'linear', location: 'linear.onnx' }));
      let asked = 0;
      await askUntil(inference, async () => ++asked === 50);
      assert.equal(await metric(inference, /^box_model_threads{.*} (\d+)$/m), 1);
    } finally {
      await inference.close();
    }
  });

  it('keep ONNX Runtime from reporting usage', async () => {
    const inference = await openForTest();
    try {
      inference.records.set('linear 1', record('linear', '1', { name: 'linear', location: 'linear.onnx' }));
      assert.equal((await infer(inference, 'linear', X)).status, 200);
      assert.equal(process.env.ORT_DISABLE_TELEMETRY, '1');
    } finally {
      await inference.close();
    }
  });
});

describe('life of a model', () => {
  it('gives right answers with more models than fit the budget, and keeps to it', async () => {
    // Room for two at most, however little they are measured to take.
    const budget = 1_500_000;
    const inference = await openForTest({ MODEL_MEMORY_BYTES: String(budget), MODEL_PLACEMENT: 'worker' });
    try {
      const outputs: Record<string, unknown> = {
        linear: [0.5],
        'linear-fixed': [0.5],
        exp: [1, 1],
        wide: new Array(500).fill(0),
        centred: [0, 0],
      };
      const shapes: Record<string, number[]> = {
        linear: [1, 3],
        'linear-fixed': [1, 3],
        exp: [1, 2],
        wide: [1, 1],
        centred: [1, 2],
      };
      for (const name of Object.keys(outputs)) {
        inference.records.set(`${name} 1`, record(name, '1', { name, location: `${name}.onnx` }));
      }
      for (let round = 0; round < 3; round++) {
        for (const [name, expected] of Object.entries(outputs)) {
          const shape = shapes[name] ?? [];
          const data = name.startsWith('linear') ? [0, 0, 1] : new Array(shape[1]).fill(0);
          const answer = await infer(inference, name, { name: 'x', shape, datatype: 'FP32', data });
          assert.equal(answer.status, 200, answer.body.toString());
          assert.deepEqual((answer.json() as { outputs: { data: unknown }[] }).outputs[0]?.data, expected);
        }
        const metrics = (await inference.opened.metrics()).matchAll(/^box_model_bytes{.*} (\d+)$/gm);
        const used = [...metrics].map(([, bytes]) => Number(bytes)).toSorted((a, b) => a - b);
        assert.ok(used.length === 1 || used.length === 2, used.join());
        // What the one that came last takes was measured when room had been made for it: as much as the process grew by
        // meanwhile, for whatever reason.
        assert.ok(used.slice(0, -1).reduce((sum, bytes) => sum + bytes, 0) <= budget, used.join());
      }
    } finally {
      await inference.close();
    }
  });

  it('fetches a model again that had to make room in memory and then on disk', async () => {
    const inference = await openForTest({ MODEL_MEMORY_BYTES: '300000', MODEL_CACHE_BYTES: '0' });
    try {
      for (const name of ['linear', 'linear-fixed']) {
        inference.records.set(`${name} 1`, record(name, '1', { name, location: `${name}.onnx` }));
      }
      for (const name of ['linear', 'linear-fixed', 'linear', 'linear-fixed']) {
        const answer = await infer(inference, name, X);
        assert.equal(answer.status, 200, answer.body.toString());
      }
    } finally {
      await inference.close();
    }
  });

  it('refuses a model that does not fit the budget, before it is loaded', async () => {
    const inference = await openForTest({ MODEL_MEMORY_BYTES: '1000' });
    try {
      inference.records.set('linear 1', record('linear', '1', { name: 'linear', location: 'linear.onnx' }));
      const answer = await infer(inference, 'linear', X);
      assert.equal(answer.status, 429);
      assert.match(answer.body.toString(), /MODEL_MEMORY_BYTES=1000/);
    } finally {
      await inference.close();
    }
  });

  it('swaps a model under load without a failed request, and gives the old one’s memory back', async () => {
    const root = await temporaryFolder('swap');
    const swapping = await openForTest({ MODEL_ROOT: root });
    try {
      await place('linear.onnx', root);
      swapping.records.set('m 1', record('m', '1', { name: 'm', location: 'model.onnx' }));
      let stop = false;
      const statuses = new Map<number, number>();
      const ask = async () => {
        while (!stop) {
          const { status } = await infer(swapping, 'm', X);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const clients = [ask(), ask(), ask()];
      for (let i = 0; i < 20; i++) {
        await place(i % 2 ? 'linear.onnx' : 'linear-fixed.onnx', root);
        assert.equal((await swapping.post('/v2/repository/models/m/load', {})).status, 200);
      }
      stop = true;
      await Promise.all(clients);
      assert.deepEqual([...statuses.keys()], [200]);
      assert.equal((await infer(swapping, 'm', X)).status, 200);
      assert.equal(await metric(swapping, /^box_models_loaded{.*} (\d+)$/m), 1);
    } finally {
      await swapping.close();
    }
  });

  it('keeps the old model when its replacement fails', async () => {
    const root = await temporaryFolder('keep');
    const inference = await openForTest({ MODEL_ROOT: root });
    try {
      await place('linear.onnx', root);
      inference.records.set('m 1', record('m', '1', { name: 'm', location: 'model.onnx' }));
      assert.equal((await infer(inference, 'm', X)).status, 200);
      await copyFile(join(MODELS, 'make_models.py'), join(root, 'model.onnx'));
      assert.equal((await inference.post('/v2/repository/models/m/load', {})).status, 422);
      assert.equal((await infer(inference, 'm', X)).status, 200);
    } finally {
      await inference.close();
    }
  });

  it('loads equal content once, whatever names it', async () => {
    const inference = await openForTest();
    try {
      for (const id of ['a', 'b', 'c']) {
        inference.records.set(`${id} 1`, record(id, '1', { name: id, location: 'linear.onnx' }));
        const { results } = await sendBatch(inference, id, '1', [features('e', { x: [0, 0, 1] })]);
        assert.deepEqual(dataOf(results[0], 'y'), [[0.5]]);
        assert.equal((await infer(inference, id, X)).status, 200);
      }
      assert.equal(await metric(inference, /^box_models_loaded{.*} (\d+)$/m), 1);
      assert.equal(await metric(inference, /^nv_inference_request_success{model="a",.*} (\d+)$/m), 2);
      assert.equal(await metric(inference, /^nv_inference_count{model="b",.*} (\d+)$/m), 2);
    } finally {
      await inference.close();
    }
  });
});
