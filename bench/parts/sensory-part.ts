import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openS3BlobStore } from '#lib/blob/s3.ts';
import type { Appliance } from '../../local/appliance.ts';
import { type PartProcess, startAgain } from '../appliance/start-again.ts';
import type { LoadClient } from '../load/load-client.ts';
import { rawRequest } from '../load/raw-request.ts';
import { DATASET, openService, picture, rate, type Service, SIDE, untilPacked } from '../sensory/service.ts';
import { type Load, measureLoads, meter, requestLoad, type Turns } from './load.ts';

const NAME = 'bench';
const BUCKET = 'thebox-samples';
const SAMPLES = 2000;
const DRAWN = [1, 16, 64, 256];

/** The function of samples: pictures stored and packed, batches and a stream drawn of them. */
export async function measureSensory(appliance: Appliance, client: LoadClient, turns: Turns): Promise<void> {
  const key = appliance.env.BOX_API_KEY ?? '';
  const part = await startAgain(appliance, 'sensory', undefined, { DATASET_NAME: NAME });
  const service = openService(`http://127.0.0.1:${part.port}`, key);
  const store = openStore(appliance);
  const places = { client, part, service, key };
  try {
    const { perSecond, processorMs } = await meter(part.pid, () => fill(service, store));
    const draws = DRAWN.map((size) => drawLoad(places, size));
    await measureLoads(`sensory, of ${SAMPLES} pictures of 28 x 28`, part.pid, [...draws, streamLoad(places)], turns);
    const stores = [1, 16].map((connections) => storeLoad(places, connections));
    await measureLoads('sensory, more of them', part.pid, stores, turns);
    const what = '  stored and packed, 16 at once, from the start of the process, once:';
    console.log(`${what} ${perSecond.toFixed(0)} a second, ${processorMs.toFixed(3)} ms of processor for each`);
  } finally {
    store.close();
    await service.close();
    await part.stop();
  }
}

/** Stores the samples; they are packed by the function itself, when it finds time. The rate is that of storing. */
async function fill(service: Service, store: BlobStore): Promise<{ count: number; seconds: number }> {
  const perSecond = await rate(SAMPLES, 16, (n) => service.post('/api/sensory/store', sample(n)));
  await untilPacked(service, store, SAMPLES);
  return { count: SAMPLES, seconds: SAMPLES / perSecond };
}

function sample(n: number): object {
  return { name: NAME, width: SIDE, height: SIDE, category: String(n % 10), data: picture(n).toString('base64') };
}

function openStore({ env }: Appliance): BlobStore {
  const { S3_ENDPOINT = '', S3_REGION = '', S3_ACCESS_KEY = '', S3_SECRET_KEY = '' } = env;
  return openS3BlobStore({
    endpoint: S3_ENDPOINT,
    region: S3_REGION,
    bucket: BUCKET,
    credentials: async () => ({ accessKeyId: S3_ACCESS_KEY, secretAccessKey: S3_SECRET_KEY }),
  });
}

interface Places {
  readonly client: LoadClient;
  readonly part: PartProcess;
  readonly service: Service;
  readonly key: string;
}

function post({ part, key }: Places, route: string, body: object): Buffer {
  const url = `http://127.0.0.1:${part.port}/api/sensory/${route}`;
  const headers = { 'API-VERSION': '0.3.0', 'Content-Type': 'application/json' };
  return rawRequest({ method: 'POST', url, key, headers }, Buffer.from(JSON.stringify(body)));
}

/** Pictures that are not there yet; packing them comes later, in whole shards. */
function storeLoad(places: Places, connections: number): Load {
  const requests = Array.from({ length: SAMPLES }, (_, n) => post(places, 'store', sample(SAMPLES + n)));
  return requestLoad(places.client, places.part, { what: `stored, ${connections} at once`, requests, connections });
}

function drawLoad(places: Places, size: number): Load {
  const requests = [post(places, 'request', { batch_size: size, noise: 0 })];
  return requestLoad(places.client, places.part, { what: `drawn as JSON, ${size} in a call`, requests, events: size });
}

/** Epoch after epoch of the whole dataset. */
function streamLoad({ service, part }: Places): Load {
  return {
    what: 'drawn as a stream',
    measure: (forMs) =>
      meter(part.pid, async () => {
        const began = performance.now();
        let count = 0;
        for (let seed = 0; performance.now() - began < forMs; seed++) {
          const path = `/api/sensory/stream?dataset=${DATASET}&seed=${seed}&batch_size=1024`;
          const { length } = await service.get(path);
          if (length < SAMPLES * SIDE * SIDE) throw new Error(`the stream has ${length} bytes`);
          count += SAMPLES;
        }
        return { count, seconds: (performance.now() - began) / 1000 };
      }),
  };
}
