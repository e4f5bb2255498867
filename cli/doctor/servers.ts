import { readBucketFacts } from '#lib/blob/bucket-facts.ts';
import { openS3Client } from '#lib/blob/s3.ts';
import { type BusInventory, readBusInventory, type StreamFacts } from '#lib/bus/jetstream-inventory.ts';
import { BUCKETS } from '../../minio/layout.ts';
import type { Connection } from '../connection.ts';
import { withNats } from '../nats.ts';
import { ask, detailOf, member } from './answer.ts';
import { bytesText, type Check, type Finding } from './finding.ts';
import { checkRabbitmq } from './rabbitmq.ts';

const NEARLY_FULL = 0.8;

/** NATS, CouchDB, the S3 server and RabbitMQ. */
export const SERVER_CHECKS: readonly Check[] = [
  {
    part: 'nats',
    needs: ['NATS_URL'],
    action: 'is nats-server up, and are NATS_USER and NATS_PASSWORD right? install.sh status, .box/log/nats.log',
    run: (connection) => withNats(connection, async (nats) => busFindings(await readBusInventory(nats))),
  },
  {
    part: 'couchdb',
    needs: ['COUCHDB_URL'],
    action: 'is it up, and are user and password in COUCHDB_URL right? install.sh status, .box/log/couchdb.log',
    run: checkCouchdb,
  },
  {
    part: 's3',
    needs: ['S3_ENDPOINT', 'S3_ACCESS_KEY', 'S3_SECRET_KEY'],
    action: 'is it up, and are S3_ACCESS_KEY and S3_SECRET_KEY right? install.sh status, .box/log/minio.log',
    run: checkS3,
  },
  {
    part: 'rabbitmq',
    needs: ['AMQP_URL'],
    action: 'only batch orders need it. Is it up, and are user and password in AMQP_URL right? .box/log/rabbitmq.log',
    run: checkRabbitmq,
  },
];

function busFindings({ serverVersion, streams, consumers, ...disk }: BusInventory): Finding[] {
  const part = 'nats';
  const waiting = consumers.reduce((sum, consumer) => sum + consumer.waiting, 0);
  const what = `${serverVersion}, ${consumers.length} consumers, ${waiting} messages wait, ${bytesText(disk.storedBytes)} on disk`;
  const findings: Finding[] = [{ part, state: 'ok', what }];
  for (const [purpose, stream] of Object.entries(streams)) {
    if (stream === undefined) {
      const action = 'the connector makes it: is it up?';
      findings.push({ part, state: 'failed', what: `there is no stream of ${purpose}`, action });
    } else findings.push(...streamFindings(purpose, stream));
  }
  const { dead, quarantine } = streams;
  if (dead && dead.messages > 0) {
    const action = 'npx box dead list has the reasons; npx box dead replay tries them again';
    findings.push({ part, state: 'warning', what: `${dead.messages} dead letters`, action });
  }
  if (quarantine && quarantine.messages > 0) {
    const action = 'npx box source --help: who may send, and what becomes of these';
    findings.push({ part, state: 'warning', what: `${quarantine.messages} signals of unknown sources wait`, action });
  }
  if (disk.maxStoredBytes !== undefined && disk.storedBytes > NEARLY_FULL * disk.maxStoredBytes) {
    const action = 'raise max_file_store in nats-server.conf, or shorten HISTORY_HOURS of the connector';
    findings.push({
      part,
      state: 'warning',
      what: `its disk share of ${bytesText(disk.maxStoredBytes)} is nearly used up`,
      action,
    });
  }
  return findings;
}

function streamFindings(purpose: string, { bytes, maxBytes }: StreamFacts): Finding[] {
  // Dead letters and the like make room by themselves; topics refuse publishers.
  if (purpose !== 'topics' || maxBytes === undefined || bytes < NEARLY_FULL * maxBytes) return [];
  const action =
    'npx box status shows the stage that is behind or paused; mend or resume it, or raise STREAM_MAX_BYTES';
  const what = `the topics hold ${bytesText(bytes)} of ${bytesText(maxBytes)}; when they are full, sensors are refused`;
  return [{ part: 'nats', state: 'warning', what, action }];
}

async function checkCouchdb({ COUCHDB_URL }: Connection, signal: AbortSignal): Promise<Finding[]> {
  const url = new URL(COUCHDB_URL ?? '');
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const headers = url.username === '' ? undefined : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  const root = await ask(`${url.origin}/`, signal, headers);
  const databases = await ask(`${url.origin}/_all_dbs`, signal, headers);
  if (root.status !== 200) throw new Error(detailOf(root));
  if (databases.status !== 200) throw new Error(`does not take the login: ${detailOf(databases)}`);
  const names = Array.isArray(databases.body) ? databases.body : [];
  return [{ part: 'couchdb', state: 'ok', what: `${String(member(root.body, 'version'))}, ${names.length} databases` }];
}

async function checkS3(connection: Connection): Promise<Finding[]> {
  const { S3_ENDPOINT: endpoint = '', S3_REGION: region = 'us-east-1' } = connection;
  const { S3_ACCESS_KEY: accessKeyId = '', S3_SECRET_KEY: secretAccessKey = '' } = connection;
  const credentials = async () => ({ accessKeyId, secretAccessKey });
  const client = openS3Client({ endpoint, region, credentials, timeoutMs: 5000 });
  try {
    const all = await Promise.all(BUCKETS.map(({ name }) => readBucketFacts(client, name)));
    return all.map(({ name, exists, keepsVersions }): Finding => {
      const action = 'node minio/main.ts makes the buckets; on a board install.sh install does';
      if (!exists) return { part: 's3', state: 'failed', what: `there is no bucket ${name}`, action };
      if (keepsVersions === false) {
        return { part: 's3', state: 'warning', what: `bucket ${name} keeps no earlier versions`, action };
      }
      return { part: 's3', state: 'ok', what: `bucket ${name} is there${keepsVersions ? ' and keeps versions' : ''}` };
    });
  } finally {
    client.destroy();
  }
}
