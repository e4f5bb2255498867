import { couchdbUrl } from '../../support/couchdb-database.ts';
import type { TestBucket } from '../../support/s3-bucket.ts';
import { uniqueName } from '../../support/servers.ts';
import { type SensoryProcess, startSensory } from './sensory-process.ts';
import { startCourier } from './task-courier.ts';
import { openVhost } from './vhost.ts';

/** The function on a bucket, with a virtual host and a database of its own, and someone who brings it the tasks of its orders. */
export async function startSensoryWithCourier({ options }: TestBucket): Promise<SensoryProcess> {
  const amqpUrl = await openVhost();
  const couchdbDatabase = uniqueName('orders');
  const sensory = await startSensory({ s3: options, couchdbUrl: await couchdbUrl(), couchdbDatabase, amqpUrl });
  const courier = await startCourier(amqpUrl, () => sensory.url);
  const stop = async () => {
    await courier.close();
    await sensory.stop();
  };
  return { ...sensory, stop };
}
