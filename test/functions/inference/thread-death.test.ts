import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { dataOf, features, openForTest, record, sendBatch, type TestInference } from './support/open-for-test.ts';

describe('a model thread that ends', function () {
  this.timeout(30_000);

  let inference: TestInference;
  const workers: Worker[] = [];
  const keep = (worker: Worker) => workers.push(worker);

  before(async () => {
    process.on('worker', keep);
    inference = await openForTest({ MODEL_THREADS: '1', MODEL_PLACEMENT: 'worker' });
    for (const name of ['slow', 'linear']) {
      inference.records.set(`${name} 1`, record(name, '1', { name, location: `${name}.onnx` }));
    }
    for (const name of ['slow', 'linear']) assert.equal((await infer(name, 1)).status, 200);
  });
  after(async () => {
    process.off('worker', keep);
    await inference.close();
  });

  function infer(name: string, value: number) {
    const data = name === 'slow' ? [value] : [0, 0, value];
    const inputs = [{ name: 'x', shape: [1, data.length], datatype: 'FP32', data }];
    return inference.post(`/v2/models/${name}/infer`, { inputs });
  }

  /**
   * Ends the thread by an error that nothing in it handles. (terminate() is no way to do it: in the middle of a run ONNX
   * Runtime's native part takes the process with it.)
   */
  async function crash(): Promise<void> {
    const [worker] = workers.splice(0).slice(-1);
    assert.ok(worker, 'a thread was started');
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage(null);
    await ended;
  }

  it('fails what it was at with 503, and the next calls work, in a new thread with every model of the old one', async () => {
    // Whether a call has reached the thread when it ends is a matter of moments: some do, sooner or later.
    let failed = 0;
    for (let attempt = 0; attempt < 20 && failed === 0; attempt++) {
      const underWay = [infer('slow', 100), infer('slow', 100), infer('linear', 1)];
      await new Promise((resolve) => setImmediate(resolve));
      await crash();
      for (const answer of await Promise.all(underWay)) {
        if (answer.status === 200) continue;
        failed++;
        assert.equal(answer.status, 503, answer.body.toString());
        assert.match(answer.body.toString(), /its thread (has )?ended/);
        assert.equal(answer.headers['retry-after'], '1');
      }
    }
    assert.notEqual(failed, 0);
    for (const name of ['slow', 'linear', 'slow', 'linear']) {
      const answer = await infer(name, 1);
      assert.equal(answer.status, 200, answer.body.toString());
    }
    assert.equal(workers.length, 1, 'one thread was started in its place');
    await inference.opened.health();
  });

  it('has the connector try its events again', async () => {
    const batch = [features('a', { x: [[0, 0, 1]] }), features('b', { x: [[1, 1, 1]] })];
    const slow = infer('slow', 100);
    const underWay = sendBatch(inference, 'linear', '1', batch);
    await new Promise((resolve) => setImmediate(resolve));
    await crash();
    await slow;
    const { status, results } = await underWay;
    if (status === 200) {
      for (const { error } of results) if (error) assert.equal(error.retry, true, error.message);
    } else assert.equal(status, 503);
    const again = await sendBatch(inference, 'linear', '1', batch);
    assert.equal(again.status, 200);
    assert.deepEqual(dataOf(again.results[0], 'y'), [[0.5]]);
  });

  it('is started again however often it ends, after a pause when it keeps ending', async () => {
    for (let i = 0; i < 4; i++) {
      await crash();
      if (workers.length === 0) {
        assert.equal((await infer('linear', 1)).status, 503);
        await once(process, 'worker');
      }
      assert.equal((await infer('linear', 1)).status, 200);
    }
  });
});
