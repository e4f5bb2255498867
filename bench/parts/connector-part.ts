import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { NatsConnection } from '@nats-io/transport-node';
import { connectNats } from '#lib/bus/nats-connection.ts';
import type { Appliance } from '../../local/appliance.ts';
import { readDigitImages } from '../../local/demo/digit-images.ts';
import { putExample, ROOT } from '../appliance/image-appliance.ts';
import { startAgain } from '../appliance/start-again.ts';
import { type Signals, throughput } from '../pipeline/throughput.ts';
import { type Load, measureLoads, meter, type Turns } from './load.ts';
import { SMALL_SIGNAL } from './stages.ts';

/** Ingestion, inference, notification: a signal is so many messages. */
const STAGES = 3;
const SIGNALS = 4000;

/**
 * The connector, with a function in place of all of them that answers each event with itself: what is left is what the
 * connector does, and NATS. The appliance's own connector is ended for it.
 */
export async function measureConnector(appliance: Appliance, turns: Turns): Promise<void> {
  await putExample(appliance, 'digits');
  const echo = new Worker(new URL('./echo-function.worker.ts', import.meta.url));
  const nc = await connectNats({ url: appliance.env.NATS_URL ?? '', name: 'bench' });
  try {
    const [port] = (await once(echo, 'message')) as [number];
    const part = await startAgain(appliance, 'connector', undefined, { GATEWAY_URL: `http://127.0.0.1:${port}` });
    try {
      await appliance.processes.find(({ name }) => name === 'connector')?.stop();
      await measureLoads('connector, messages of all stages', part.pid, await loads(nc, part.pid), turns);
    } finally {
      await part.stop();
    }
  } finally {
    await nc.close();
    await echo.terminate();
  }
}

async function loads(nc: NatsConnection, pid: number): Promise<Load[]> {
  const images = await readDigitImages(join(ROOT, 'examples/digits/images'));
  return [
    loadOf('JSON of a few fields', { contentType: 'application/json', bodies: [SMALL_SIGNAL] }),
    loadOf('a PNG of 28 x 28', { contentType: 'image/png', bodies: images.map(({ png }) => png) }),
  ];

  function loadOf(what: string, signals: Signals): Load {
    const topics = { in: 'digits_images', out: 'digits_notifications' };
    return {
      what,
      measure: () =>
        meter(pid, async () => {
          const perSecond = await throughput(nc, signals, topics, SIGNALS);
          return { count: SIGNALS * STAGES, seconds: SIGNALS / perSecond };
        }),
    };
  }
}
