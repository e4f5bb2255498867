import assert from 'node:assert/strict';
import { checkDataDescriptor } from '#lib/feature/data-descriptor.ts';
import type { FeaturesBody } from '#lib/message/body.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import { openS3Files } from '../../../functions/ingestion/file/s3-files.ts';
import { openTestBucket, type TestBucket } from '../../support/s3-bucket.ts';
import { recordOf } from '../../support/scenario.ts';
import { sharedMinio } from '../../support/servers.ts';
import { featureMakerOf } from './feature-maker.ts';

const LIMITS = { maxPixels: 1, maxFeatureBytes: 100_000, maxInflatedBytes: 100_000 };

describe('files of a data descriptor', () => {
  let bucket: TestBucket;
  before(async () => {
    bucket = await openTestBucket(sharedMinio);
    await bucket.store.put('words.json', Buffer.from('{"red": 1, "blue": 0}'));
    await bucket.store.put('words.txt', Buffer.from('red\nblue\n'));
    await bucket.store.put('idf.json', Buffer.from('[1, 2]'));
    await bucket.store.put('broken.json', Buffer.from('{'));
  });
  after(() => bucket.close());

  const descriptorOf = (params: unknown) => {
    const feature = { feature_name: 'x', feature_type: 'numpyarraytype', feature_params: params };
    const ingestion = {
      in_topic: 'i',
      out_topic: 'o',
      data_descriptor: { ingestion_data_name: 'd', feature_list: [feature] },
    };
    return parseScenario({ scenario_name: 'f', scenario_definition: { ingestion_definition: ingestion } });
  };
  const at = (name: string) => ({ file: `s3://${bucket.options.bucket}/${name}` });

  async function made(params: unknown, x: unknown): Promise<unknown> {
    const record = recordOf('f', descriptorOf(params));
    const files = openS3Files(bucket.options);
    try {
      const signal = { specversion: '1.0', id: '1', source: 's', type: 't', data: { x } } as const;
      const { results } = await featureMakerOf(record, LIMITS, { files })({
        events: [signal],
        scenarioId: 'f',
        rev: '1-a',
      });
      const [result] = results;
      assert.ok(result !== undefined && 'events' in result, JSON.stringify(result));
      const [event] = result.events;
      assert.ok(event);
      return (event.data as FeaturesBody).feature_data[0]?.data;
    } finally {
      files.close();
    }
  }

  it('stand in the place of a vocabulary and of weights', async () => {
    assert.deepEqual(await made({ one_hot: { vocabulary: at('words.json') } }, 'red'), [0, 1]);
    assert.deepEqual(await made({ one_hot: { vocabulary: at('words.txt') } }, 'red'), [1, 0]);
    assert.deepEqual(await made(JSON.stringify({ index: { vocabulary: at('words.txt') } }), 'blue'), 1);
    const tfIdf = { vocabulary: at('words.txt'), idf: at('idf.json'), norm: 'none' };
    assert.deepEqual(await made({ tf_idf: tfIdf }, 'red blue blue'), [1, 4]);
  });

  it('are not looked at when the scenario is checked, but their place is', () => {
    const check = (params: unknown) => {
      const { ingestion_definition: ingestion } = descriptorOf(params).scenario_definition;
      assert.ok(ingestion);
      return checkDataDescriptor(ingestion.data_descriptor).map(({ message }) => message);
    };
    assert.deepEqual(check({ one_hot: { vocabulary: { file: 's3://models/words.json' } } }), []);
    assert.deepEqual(check({ one_hot: { vocabulary: { file: 'words.json' } } }), [
      'must have a file as s3://bucket/key, got an object',
    ]);
  });

  it('that are not there or no JSON refuse the batch with the reason', async () => {
    const vocabulary = (name: string) => ({ one_hot: { vocabulary: at(name) } });
    await assert.rejects(made(vocabulary('none.json'), 'red'), {
      code: 'unprocessable',
      message: /there is no such file$/,
    });
    await assert.rejects(made(vocabulary('broken.json'), 'red'), { code: 'unprocessable', message: /it must be JSON/ });
  });
});
