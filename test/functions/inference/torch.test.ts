import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openForTest, record, type TestInference } from './support/open-for-test.ts';

const FOLDER = join(import.meta.dirname, 'torch');
const TOLERANCE = 1e-4;
/** Half precision has three digits. */
const HALF_TOLERANCE = 1e-2;

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly data: readonly (number | boolean)[];
}

describe('models that PyTorch exported', () => {
  const names = readdirSync(FOLDER).flatMap((file) =>
    file.endsWith('.onnx.json') ? [file.slice(0, -'.onnx.json'.length)] : [],
  );
  let inference: TestInference;
  before(async () => {
    inference = await openForTest({ MODEL_ROOT: FOLDER });
    for (const name of names) inference.records.set(`${name} 1`, record(name, '1', { name, location: `${name}.onnx` }));
  });
  after(() => inference.close());

  for (const name of names) {
    it(`give what PyTorch gives: ${name}`, async () => {
      const { inputs, outputs }: Record<'inputs' | 'outputs', readonly Tensor[]> = JSON.parse(
        readFileSync(join(FOLDER, `${name}.onnx.json`), 'utf8'),
      );
      // Some at once: models that can be are run on all of their rows together.
      const infer = () => inference.post(`/v2/models/${name}/infer`, { inputs });
      for (const answer of await Promise.all([infer(), infer(), infer()])) {
        assert.equal(answer.status, 200, answer.body.toString());
        const got = (answer.json() as { outputs: readonly Tensor[] }).outputs;
        assert.deepEqual(got.map(shapeOf), outputs.map(shapeOf));
        for (const [i, wanted] of outputs.entries()) assertClose(got[i] ?? assert.fail(), wanted);
      }
    });
  }

  it('share runs where no row looks at another, by either exporter', async () => {
    const maxBatch = async (name: string) => {
      const config = (await inference.call({ path: `/v2/models/${name}/config` })).json() as { max_batch_size: number };
      return config.max_batch_size;
    };
    for (const exporter of ['old', 'new']) {
      assert.equal(await maxBatch(`conv-${exporter}`), 256);
      assert.equal(await maxBatch(`strangers-${exporter}`), 0);
    }
  });
});

function shapeOf({ name, shape, datatype }: Tensor): string {
  return `${name}: ${datatype} [${shape.join(', ')}]`;
}

function assertClose(got: Tensor, wanted: Tensor): void {
  const tolerance = wanted.datatype === 'FP16' ? HALF_TOLERANCE : TOLERANCE;
  for (const [i, value] of wanted.data.entries()) {
    const actual = got.data[i];
    const close =
      actual === value || Math.abs(Number(actual) - Number(value)) <= tolerance * Math.max(1, Math.abs(Number(value)));
    assert.ok(close, `${wanted.name}[${i}] is ${value}, got ${actual}`);
  }
}
