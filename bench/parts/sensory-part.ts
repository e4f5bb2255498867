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
/** Pictures that are stored in a round. */
const FILLED = 500;
const DRAWN = [1, 16, 64, 256];

/** The function of samples: pictures stored and packed, batches and a stream drawn of them. */
export async function measureSensory(appliance: Appliance, client: LoadClient, turns: Turns): Promise<void> {
  const key = appliance.env.BOX_API_KEY ?? '';
  const part = await startAgain(appliance, 'sensory', undefined, { DATASET_NAME: NAME });
  const service = openService(`http://127.0.0.1:${part.port}`, key);
  const store = openStore(appliance);
  const places = { client, part, service, key };
  try {
    const filling = fillLoad(part.pid, service, store);
    await measureLoads('sensory, pictures of 28 x 28 kept', part.pid, [filling], turns);
    const draws = [...DRAWN.map((size) => drawLoad(places, size)), streamLoad(places, filling.stored())];
    await measureLoads(`sensory, drawn of ${filling.stored()} of them`, part.pid, draws, turns);
  } finally {
    store.close();
    await service.close();
    await part.stop();
  }
}

/**
 * Pictures that are not there yet, stored, until all of them are packed, which the function does when it finds time. The
 * rate is that of storing, the processor time that of both.
 */
function fillLoad(pid: number, service: Service, store: BlobStore): Load & { stored(): number } {
  let stored = 0;
  return {
    what: 'stored 16 at once, and packed',
    stored: () => stored,
    measure: () =>
      meter(pid, async () => {
        const from = stored;
        const post = (n: number) => service.post('/api/sensory/store', sample(from + n));
        const perSecond = await rate(FILLED, 16, post);
        stored += FILLED;
        await untilPacked(service, store, stored);
        return { count: FILLED, seconds: FILLED / perSecond };
      }),
  };
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

function drawLoad(places: Places, size: number): Load {
  const requests = [post(places, 'request', { batch_size: size, noise: 0 })];
  return requestLoad(places.client, places.part, { what: `drawn as JSON, ${size} in a call`, requests, events: size });
}

/** Epoch after epoch of the whole dataset. */
function streamLoad({ service, part }: Places, samples: number): Load {
  return {
    what: 'drawn as a stream',
    measure: (forMs) =>
      meter(part.pid, async () => {
        const began = performance.now();
        let count = 0;
        for (let seed = 0; performance.now() - began < forMs; seed++) {
          const path = `/api/sensory/stream?dataset=${DATASET}&seed=${seed}&batch_size=1024`;
          const { length } = await service.get(path);
          if (length < samples * SIDE * SIDE) throw new Error(`the stream has ${length} bytes`);
          count += samples;
        }
        return { count, seconds: (performance.now() - began) / 1000 };
      }),
  };
}
