import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { connect } from 'amqplib';
import { checkMachine } from '../../cli/doctor/machine.ts';
import { checkRabbitmq } from '../../cli/doctor/rabbitmq.ts';
import { type Appliance, openAppliance } from '../../local/appliance.ts';
import { freePort } from '../../local/server/free-port.ts';
import { runToEnd } from '../../setup/run-to-end.ts';
import { sharedRabbitmq, temporaryFolder } from '../support/servers.ts';
import { runBox } from './run-box.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Report {
  readonly ok: boolean;
  readonly findings: readonly { part: string; state: string; what: string; action?: string }[];
}

describe('box doctor', () => {
  let folder: string;
  let appliance: Appliance;
  before(async () => {
    folder = await temporaryFolder('doctor');
    appliance = await openAppliance({ root: ROOT, folder: join(folder, 'box'), ports: 'free', rabbitmq: 'never' });
    assert.deepEqual(appliance.down, []);
  });
  after(() => appliance?.close());

  /** The doctor, with some of the appliance's addresses replaced. */
  async function doctor(changed: Record<string, string> = {}): Promise<Report & { readonly status: number | null }> {
    const { status, stdout, stderr } = await runBox(folder, { ...appliance.env, ...changed }, '--json', 'doctor');
    assert.equal(stderr, '');
    return { ...(JSON.parse(stdout) as Report), status };
  }

  const stateOf = ({ findings }: Report, part: string) =>
    findings.filter((finding) => finding.part === part).map(({ state }) => state);

  it('finds every part of an appliance well, and ends with status 0', async () => {
    const report = await doctor();
    assert.deepEqual(
      report.findings.filter(({ state }) => state === 'failed'),
      [],
    );
    assert.equal(report.status, 0);
    const well = ['gateway', 'key', 'orchestrator', 'ingestion', 'inference', 'notification', 'sensory', 'connector'];
    for (const part of [...well, 'models', 'nats', 'couchdb', 'clock']) {
      assert.equal(stateOf(report, part)[0], 'ok', part);
    }
    // What else runs on this machine decides whether it is well.
    assert.notEqual(stateOf(report, 'memory').length, 0);
    assert.deepEqual(stateOf(report, 's3'), ['ok', 'ok']);
    // Without its address nothing is known of it, which is not the same as that it is well.
    assert.deepEqual(stateOf(report, 'rabbitmq'), ['skipped']);
  });

  it('warns of dead letters while there are any, and not of those that were dropped', async () => {
    const { BOX_GATEWAY: gateway, BOX_API_KEY: key = '' } = appliance.env;
    await runBox(folder, appliance.env, 'scenario', 'put', join(ROOT, 'examples/tiny/scenario.json'));
    const headers = { 'API-ACCESS-KEY': key, 'Content-Type': 'application/json' };
    const refused = await fetch(`${gateway}/function/ingestion/signal/tiny?wait=1`, {
      method: 'POST',
      headers,
      body: '{"values": "none"}',
    });
    assert.equal(refused.status, 422, await refused.text());
    assert.deepEqual(stateOf(await doctor(), 'nats'), ['ok', 'warning']);
    const list = await runBox(folder, appliance.env, '--json', 'dead', 'list');
    const [letter] = (JSON.parse(list.stdout) as { letters: { seq: number }[] }).letters;
    assert.equal((await runBox(folder, appliance.env, 'dead', 'remove', String(letter?.seq))).status, 0);
    const report = await doctor();
    assert.deepEqual(
      report.findings.filter(({ part, state }) => state === 'warning' && /^(nats|tiny)/.test(part)),
      [],
    );
    await runBox(folder, appliance.env, 'scenario', 'delete', 'tiny');
  });

  it('says for people what is wrong and what to do', async () => {
    const gone = `nats://127.0.0.1:${await freePort()}`;
    const { status, stdout } = await runBox(folder, { ...appliance.env, NATS_URL: gone }, 'doctor');
    assert.equal(status, 1);
    assert.match(stdout, /^ok +gateway +http:\/\/127\.0\.0\.1:\d+ answers$/m);
    assert.match(stdout, /^failed +nats +Cannot connect to NATS: .*\n +-> is nats-server up/m);
    assert.match(stdout, /\n1 failed, \d+ to look at\.\n$/);
  });

  for (const [part, name, wrong] of [
    ['couchdb', 'COUCHDB_URL', (port: number) => `http://u:p@127.0.0.1:${port}`],
    ['s3', 'S3_ENDPOINT', (port: number) => `http://127.0.0.1:${port}`],
    ['connector', 'BOX_CONNECTOR', (port: number) => `http://127.0.0.1:${port}`],
    ['rabbitmq', 'AMQP_URL', (port: number) => `amqp://u:p@127.0.0.1:${port}/sensory`],
  ] as const) {
    it(`${part} that does not answer has failed, the others have not`, async () => {
      const report = await doctor({ [name]: wrong(await freePort()) });
      assert.deepEqual([...new Set(report.findings.filter((f) => f.state === 'failed').map((f) => f.part))], [part]);
      assert.ok(report.findings.every(({ state, action }) => state !== 'failed' || action));
      assert.equal(report.status, 1);
    });
  }

  it('a gateway that is down is told once for each thing behind it, with the reason', async () => {
    const report = await doctor({ BOX_GATEWAY: `http://127.0.0.1:${await freePort()}` });
    const gateway = report.findings.find(({ part }) => part === 'gateway');
    assert.match(gateway?.what ?? '', /nobody answers at .*ECONNREFUSED/);
    assert.deepEqual(stateOf(report, 'nats'), ['ok']);
  });

  it('a key or a password that is wrong is told from a part that is down', async () => {
    const report = await doctor({ BOX_API_KEY: 'another', S3_SECRET_KEY: 'another' });
    assert.equal(report.findings.find(({ part }) => part === 'key')?.what, 'the functions do not take this key');
    assert.match(report.findings.find(({ part }) => part === 's3')?.what ?? '', /403/);
    assert.deepEqual(stateOf(report, 'orchestrator'), ['ok']);
  });

  it('a function that does not start is not ready, one that nobody deployed is not deployed', async () => {
    const stopped = appliance.processes.find(({ name }) => name === 'sensory');
    await stopped?.stop();
    const report = await doctor();
    const sensory = report.findings.find(({ part }) => part === 'sensory');
    assert.equal(sensory?.state, 'failed');
    assert.match(sensory?.action ?? '', /sensory/);
    assert.equal(report.status, 1);
  });

  it('--board takes addresses and keys as install.sh left them', async () => {
    const board = join(folder, 'board');
    await runToEnd('sh', [join(ROOT, 'deploy/faasd/install.sh'), 'render', board], process.env);
    const report = async () => {
      const { stdout } = await runBox(folder, appliance.env, '--json', 'doctor', '--board', join(board, 'thebox'));
      return JSON.parse(stdout) as Report;
    };
    assert.deepEqual(stateOf(await report(), 'secrets'), ['ok']);
    // What is said wins over what lies on the board.
    assert.deepEqual(stateOf(await report(), 'gateway'), ['ok']);
    const { status, stderr } = await runBox(folder, {}, 'doctor', '--board', join(folder, 'none'));
    assert.equal(status, 69);
    assert.match(stderr, /Cannot read secret box-api-key: install\.sh install makes it/);
  });
});

describe('box doctor: RabbitMQ', () => {
  it('misses the task queue, then somebody who works on it, and counts what was given up', async () => {
    const { url } = await sharedRabbitmq();
    const look = async () =>
      (await checkRabbitmq({ AMQP_URL: `${url}/sensory` })).map(({ state, what }) => `${state} ${what}`);
    const connection = await connect(`${url}/sensory`);
    const channel = await connection.createChannel();
    try {
      await channel.deleteQueue('sensory.batch.request.task.queue');
      await channel.deleteQueue('sensory.batch.request.dead.queue');
      assert.match((await look()).join(), /failed [\d.]+; there is no task queue/);
      await channel.assertQueue('sensory.batch.request.task.queue', { durable: true });
      await channel.assertQueue('sensory.batch.request.dead.queue', { durable: true });
      channel.sendToQueue('sensory.batch.request.dead.queue', Buffer.from('{}'));
      const found = (await look()).join('\n');
      assert.match(found, /ok [\d.]+, 0 tasks wait/);
      assert.match(found, /failed nobody works on the tasks/);
    } finally {
      await channel.deleteQueue('sensory.batch.request.task.queue');
      await channel.deleteQueue('sensory.batch.request.dead.queue');
      await connection.close();
    }
  });
});

describe('box doctor: the machine', () => {
  /** What a kernel tells of itself, as files. */
  async function kernel(files: Readonly<Record<string, string>>): Promise<string> {
    const root = await temporaryFolder('kernel');
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(root, dirname(path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return `${root}/`;
  }

  async function told(files: Readonly<Record<string, string>>): Promise<string> {
    const findings = await checkMachine({ dataFolder: import.meta.dirname, root: await kernel(files) });
    return findings.map(({ part, state, what }) => `${state} ${part}: ${what}`).join('\n');
  }

  it('a board in trouble', async () => {
    const found = await told({
      'proc/meminfo': 'MemTotal: 2000000 kB\nMemAvailable: 50000 kB\n',
      'proc/mounts': '/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n',
      'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io pids\n',
      'sys/class/thermal/thermal_zone0/temp': '85000\n',
      'sys/devices/platform/soc/soc:firmware/get_throttled': '50005\n',
    });
    assert.match(found, /warning memory: 51\.2 MB of 2\.0 GB available/);
    assert.match(found, /warning disk: data lies on an SD card \(\/dev\/mmcblk0p2\)/);
    assert.match(found, /warning memory: memory limits do nothing/);
    assert.match(found, /warning heat: 85 °C/);
    assert.match(found, /warning power/);
  });

  it('a board that is well', async () => {
    const found = await told({
      'proc/meminfo': 'MemTotal: 2000000 kB\nMemAvailable: 1500000 kB\n',
      'proc/mounts': '/dev/sda1 / ext4 rw,noatime 0 0\n',
      'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
      'sys/class/thermal/thermal_zone0/temp': '45000\n',
    });
    assert.match(found, /ok memory: 1\.5 GB of 2\.0 GB available/);
    assert.doesNotMatch(found, /(warning|failed) (memory|heat|power)/);
  });

  it('a disk that failed, a file system that is none for servers', async () => {
    assert.match(
      await told({ 'proc/mounts': '/dev/sda1 / ext4 ro,noatime 0 0\n' }),
      /failed disk: \/dev\/sda1 can only/,
    );
    assert.match(await told({ 'proc/mounts': '/dev/sda1 / vfat rw 0 0\n' }), /failed disk: data lies on vfat/);
  });
});
