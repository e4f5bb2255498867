/**
 * A process that merges the small shards of a dataset, and stops for good at the given moment, which it tells its parent:
 * `written`, once the merged shard lies in the bucket and no record names it; `committed`, once the record lies there too,
 * and before this process has learnt of it.
 */
import { once } from 'node:events';
import { openS3BlobStore } from '#lib/blob/s3.ts';
import { mergeNext } from '../../../../functions/sensory/pack/merge.ts';
import { EAGER, openDigits } from './packed-set.ts';

const [moment, dataset = '', options = ''] = process.argv.slice(2);
const { accessKeyId, secretAccessKey, ...s3 } = JSON.parse(options);
const store = openS3BlobStore({ ...s3, credentials: async () => ({ accessKeyId, secretAccessKey }) });
const [folder] = { written: ['/shard/'], committed: ['/manifest/'] }[moment ?? ''] ?? [];
if (folder === undefined) throw new Error(`Cannot stop at ${moment}: it must be written or committed`);

const stopping = {
  ...store,
  async put(...args: Parameters<typeof store.put>) {
    const answer = await store.put(...args);
    if (!args[0].includes(folder)) return answer;
    process.send?.(moment);
    await once(process, 'disconnect');
    return process.exit();
  },
};
await mergeNext(stopping, openDigits(stopping, dataset), EAGER);
