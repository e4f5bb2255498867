import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { BlobEntry } from '#lib/blob/blob-store.ts';
import { openS3BlobStore } from '#lib/blob/s3.ts';
import { type Appliance, openAppliance } from '../../local/appliance.ts';
import { stage } from '../functions/inference/support/open-for-test.ts';
import { temporaryFolder } from '../support/servers.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const GRAPHS = join(ROOT, 'test/functions/converter/graphs');

describe('the appliance, for TensorFlow graphs', () => {
  let appliance: Appliance;
  before(async () => {
    const folder = await temporaryFolder('converter');
    const models = await temporaryFolder('graphs');
    for (const name of ['dense', 'not-frozen']) await copyFile(join(GRAPHS, `${name}.pb`), join(models, `${name}.pb`));
    const environment = { MODEL_ROOT: models };
    appliance = await openAppliance({ root: ROOT, folder, ports: 'free', rabbitmq: 'never', environment });
    assert.deepEqual(appliance.down, []);
  });

  after(() => appliance.close());

  async function call(method: string, path: string, body?: object) {
    const headers = { authorization: `Bearer ${appliance.env.BOX_API_KEY}`, 'content-type': 'application/json' };
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(`${appliance.env.BOX_GATEWAY}/function/${path}`, init);
    // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of many forms.
    return { status: response.status, body: (await response.json()) as any };
  }

  const scenario = (name: string) => ({
    scenario_name: name,
    scenario_definition: {
      inference_definition: {
        ...stage({
          name,
          type: 'TENSORFLOW',
          location: `${name}.pb`,
          inputs: [['dense_input', 'float32', [null, 4]]],
          outputs: [['dense_1/Softmax', 'float32', [null, 3]]],
        }),
        in_topic: `${name}.in`,
        out_topic: `${name}.out`,
      },
    },
  });

  it('takes a scenario with one, whose model is converted by a function that starts when it is needed, and kept', async () => {
    const put = await call('PUT', 'orchestrator/scenario', scenario('dense'));
    assert.equal(put.status, 201, JSON.stringify(put.body));
    assert.deepEqual(put.body.warnings, []);
    const inputs = [{ name: 'dense_input', shape: [1, 4], datatype: 'FP32', data: [0.1, 0.2, 0.3, 0.4] }];
    const inferred = await call('POST', 'inference/v2/models/dense/infer', { inputs });
    assert.equal(inferred.status, 200, JSON.stringify(inferred.body));
    const [output] = inferred.body.outputs;
    assert.equal(output.name, 'dense_1/Softmax');
    assert.ok(Math.abs(output.data.reduce((sum: number, value: number) => sum + value, 0) - 1) < 1e-5);

    const { S3_ENDPOINT = '', S3_REGION = '', S3_ACCESS_KEY = '', S3_SECRET_KEY = '' } = appliance.env;
    const credentials = async () => ({ accessKeyId: S3_ACCESS_KEY, secretAccessKey: S3_SECRET_KEY });
    const store = openS3BlobStore({ endpoint: S3_ENDPOINT, region: S3_REGION, bucket: 'models', credentials });
    const kept: BlobEntry[] = [];
    for await (const entry of store.list('converted/')) kept.push(entry);
    store.close();
    assert.equal(kept.length, 1);
    assert.match(kept[0]?.key ?? '', /^converted\/[0-9a-f]{64}\/[0-9a-f]{16}\.onnx$/);
  });

  it('refuses a scenario whose graph cannot be converted, with the converter’s own reason', async () => {
    const put = await call('PUT', 'orchestrator/scenario', scenario('not-frozen'));
    assert.equal(put.status, 422, JSON.stringify(put.body));
    const [error] = put.body.errors;
    assert.equal(error.pointer, '/scenario_definition/inference_definition/model_descriptor/model_location');
    assert.match(error.detail, /must be frozen/);
  });
});
