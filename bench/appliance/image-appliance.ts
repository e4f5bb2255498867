import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { type Appliance, openAppliance } from '../../local/appliance.ts';
import { bundleImages } from './bundle-images.ts';

export const ROOT = new URL('../..', import.meta.url).pathname;

/** The appliance with its functions and its connector as their images hold them, in a folder that is gone afterwards. */
export async function withImageAppliance(work: (appliance: Appliance) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'box-bench-'));
  try {
    const images = await bundleImages(ROOT, join(folder, 'images'));
    const place = { root: ROOT, folder: join(folder, 'box'), ports: 'free' } as const;
    const appliance = await openAppliance({ ...place, rabbitmq: 'if-installed', images });
    try {
      await appliance.rabbitmqUp;
      await work(appliance);
    } finally {
      await appliance.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts the scenario of that example. @returns its revision */
export async function putExample(appliance: Appliance, name: string): Promise<string> {
  const scenario = await readFile(join(ROOT, `examples/${name}/scenario.json`));
  const answer = await callFunction(appliance, 'PUT', 'orchestrator/scenario', scenario, 'application/json');
  return String(JSON.parse(answer).rev);
}

/** Calls a function through the gateway, as its users do. @throws Error with the answer when it is none of success */
export async function callFunction(
  { env }: Appliance,
  method: 'PUT' | 'POST',
  path: string,
  body: Buffer,
  contentType: string,
): Promise<string> {
  const headers = { authorization: `Bearer ${env.BOX_API_KEY}`, 'content-type': contentType };
  const answer = await request(`${env.BOX_GATEWAY}/function/${path}`, { method, headers, body });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`);
  return text;
}
