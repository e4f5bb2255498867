import { relative } from 'node:path';
import type { Appliance } from './appliance.ts';
import type { Seen, Summary } from './demo/tally.ts';

/** The one screen that tells what is up and where. */
export function applianceScreen(appliance: Appliance, folder: string, seconds: number): string {
  const { env, processes, down, hasRabbitmq } = appliance;
  const functions = processes.map(({ name }) => name).filter((name) => name !== 'connector');
  const downNames = new Set(down.map(({ name }) => name));
  const up = functions.filter((name) => !downNames.has(name));
  const fromHere = relative('.', folder);
  const place = fromHere.startsWith('..') ? folder : fromHere;
  const rows = [
    ['gateway', `${env.BOX_GATEWAY}/function/NAME`],
    ['functions', up.join(', ')],
    ['connector', downNames.has('connector') ? '' : `${env.BOX_CONNECTOR}/metrics`],
    ['NATS', withoutLogin(env.NATS_URL)],
    ['MQTT', env.MQTT_URL],
    ['CouchDB', withoutLogin(env.COUCHDB_URL)],
    ['S3', env.S3_ENDPOINT],
    ['RabbitMQ', hasRabbitmq ? withoutLogin(env.AMQP_URL) : 'not started: only batch orders need it'],
    ['keys', 'eval "$(npx box env)"'],
    ['data, logs', `${place}/data, ${place}/log`],
  ];
  const title = down.length === 0 ? 'The Box is up' : 'The Box is up in part';
  return [
    `${title} after ${seconds.toFixed(1)} s`,
    '',
    ...rows.filter(([, value]) => value).map(([name = '', value]) => `  ${name.padEnd(12)}${value}`),
    ...down.flatMap(({ name, reason, log }) => [
      '',
      `  ${name} is down: ${reason}`,
      ...log.map((line) => `    ${line}`),
    ]),
    '',
  ].join('\n');
}

/** `a 7, p=0.98, 6 ms`, and what it was when that was something else. */
export function seenLine({ label, expected, probability, latencyMs }: Seen): string {
  const article = label === '8' ? 'an' : 'a';
  const wrong = label === expected ? '' : ` (it was ${expected === '8' ? 'an' : 'a'} ${expected})`;
  return `${article} ${label}, p=${probability.toFixed(2)}, ${Math.round(latencyMs)} ms${wrong}`;
}

export function summaryLines(summary: Summary): string {
  const { sent, notified, lost, repeated, accuracy, p50Ms, p99Ms } = summary;
  return [
    `sent      ${sent}`,
    `notified  ${notified}`,
    `lost      ${lost}`,
    ...(repeated > 0 ? [`repeated  ${repeated}`] : []),
    `accuracy  ${(100 * accuracy).toFixed(1)} %`,
    `latency   p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
  ].join('\n');
}

function withoutLogin(url: string | undefined): string {
  return (url ?? '').replace(/\/\/[^@/]*@/, '//');
}
