import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { dataOf, features, openForTest, record, sendBatch, type TestInference } from './support/open-for-test.ts';

describe('a model thread that ends', () => {
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

  function takeWorker(): Worker {
    const [worker] = workers.splice(0).slice(-1);
    assert.ok(worker, 'a thread was started');
    return worker;
  }

  /**
   * Ends the thread by an error that nothing in it handles. (terminate() is no way to do it: in the middle of a run ONNX
   * Runtime's native part takes the process with it.)
   */
  async function crash(): Promise<void> {
    const worker = takeWorker();
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage(null);
    await ended;
  }

  /** Ends the thread in the same way as soon as a call is handed to it, which it has then and never answers. */
  async function crashWithNextCall(): Promise<void> {
    const worker = takeWorker();
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    const { postMessage } = worker;
    worker.postMessage = (...args: Parameters<typeof postMessage>) => {
      worker.postMessage = postMessage;
      worker.postMessage(null);
      worker.postMessage(...args);
    };
    await ended;
  }

  it('fails what it was at with 503, and the next calls work, in a new thread with every model of the old one', async () => {
    const crashed = crashWithNextCall();
    const answers = await Promise.all([infer('slow', 100), infer('slow', 100), infer('linear', 1)]);
    await crashed;
    const failed = answers.filter(({ status }) => status !== 200);
    assert.notEqual(failed.length, 0);
    for (const answer of failed) {
      assert.equal(answer.status, 503, answer.body.toString());
      assert.match(answer.body.toString(), /its thread (has )?ended/);
      assert.equal(answer.headers['retry-after'], '1');
    }
    for (const name of ['slow', 'linear', 'slow', 'linear']) {
      const answer = await infer(name, 1);
      assert.equal(answer.status, 200, answer.body.toString());
    }
    assert.equal(workers.length, 1, 'one thread was started in its place');
    await inference.opened.health();
  });

  it('has the connector try its events again', async () => {
    const batch = [features('a', { x: [[0, 0, 1]] }), features('b', { x: [[1, 1, 1]] })];
    const crashed = crashWithNextCall();
    const { status, results } = await sendBatch(inference, 'linear', '1', batch);
    await crashed;
    // Rows that failed together are run one by one, in the new thread.
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
        const { status } = await infer('linear', 1);
        // The pause may be over by the time of the answer.
        assert.ok(status === 503 || workers.length > 0, String(status));
      }
      if (workers.length === 0) await once(process, 'worker');
      assert.equal((await infer('linear', 1)).status, 200);
    }
  });
});
