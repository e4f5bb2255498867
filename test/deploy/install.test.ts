import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fromSeed } from '@nats-io/jwt';
import { runToEnd } from '../../setup/run-to-end.ts';

const INSTALL = join(import.meta.dirname, '../../deploy/faasd/install.sh');
const FAASD_COMPOSE = 'version: "3.7"\nservices: {}\n';

/**
 * install.sh from one end to the other, in a folder that stands for the board. What only a board has, systemd, containerd
 * and other users, is programs that write down how they are called.
 */
describe('deploy/faasd/install.sh, on a board in a folder', () => {
  let root: string;
  const faasd = (...path: string[]) => join(root, 'faasd', ...path);
  const text = (path: string) => readFile(path, 'utf8');

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'box-install-'));
    for (const folder of ['faasd', 'units', 'bin', 'tools']) await mkdir(join(root, folder));
    await writeFile(faasd('docker-compose.yaml'), FAASD_COMPOSE);
    await writeFile(faasd('prometheus.yml'), 'global: {}\n');
    await program('bin/faasd', '');
    for (const name of ['systemctl', 'ctr', 'chown'])
      await program(`tools/${name}`, `echo "${name} $*" >>"${root}/calls"`);
    await program('tools/id', 'echo 0');
  });
  afterEach(() => rm(root, { recursive: true }));

  async function program(path: string, body: string): Promise<void> {
    await writeFile(join(root, path), `#!/bin/sh\n${body}\n`);
    await chmod(join(root, path), 0o755);
  }

  /** Runs it, and gives what it said and the calls that it made of the board. */
  async function install(...args: string[]): Promise<{ output: string; calls: string }> {
    await writeFile(join(root, 'calls'), '');
    const { status, output } = await attempt(...args);
    assert.equal(status, 0, output);
    return { output, calls: await text(join(root, 'calls')) };
  }

  function attempt(...args: string[]) {
    const PATH = [join(root, 'tools'), process.env.PATH].join(delimiter);
    const env = { PATH, FAASD: faasd(), UNITS: join(root, 'units'), BIN: join(root, 'bin') };
    return runToEnd('sh', [INSTALL, ...args], env);
  }

  const images = async (): Promise<string[]> =>
    [...(await text(faasd('docker-compose.yaml'))).matchAll(/image: (\S+thebox-\S+)/g)].map(([, image]) => image ?? '');

  it('refuses a machine without faasd', async () => {
    await rm(join(root, 'bin/faasd'));
    const { status, output } = await attempt('install');
    assert.equal(status, 1);
    assert.match(output, /faasd is not installed/);
    assert.equal(await text(faasd('docker-compose.yaml')), FAASD_COMPOSE);
  });

  it('installs, and starts faasd, the users of S3 and the timer in that order', async () => {
    const { output, calls } = await install('install', '--registry', 'r.example/me', '--tag', '1.0.0');
    assert.match(output, /Installed\. Now the secrets/);
    assert.deepEqual([...new Set(await images())], ['r.example/me/thebox-connector:1.0.0']);
    const order = ['systemctl restart faasd', 'minio sh /etc/minio/minio-users.sh', 'enable --now thebox-watch.timer'];
    const places = order.map((call) => calls.indexOf(call));
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
    assert.ok(
      places.every((place) => place >= 0),
      calls,
    );
    assert.match(
      await text(join(root, 'units/thebox-watch.service')),
      new RegExp(`ExecStart=${root}/bin/thebox-watch`),
    );
    assert.ok(existsSync(join(root, 'bin/thebox-watch')));
    assert.ok(existsSync(faasd('thebox/prometheus/thebox.rules.yml')));
  });

  it('upgrades when it is run again: what is not said, the secrets and faasd’s own file stay', async () => {
    await install('install', '--registry', 'r.example/me', '--tag', '1.0.0', '--sync', 'always');
    const key = await text(faasd('thebox/secrets/box-api-key'));
    await install('install', '--tag', '2.0.0');
    assert.deepEqual([...new Set(await images())], ['r.example/me/thebox-connector:2.0.0']);
    assert.match(await text(faasd('thebox/nats/limits.conf')), /sync_interval: "always"/);
    assert.equal(await text(faasd('thebox/secrets/box-api-key')), key);
    assert.equal(await text(faasd('thebox/docker-compose.faasd.yaml')), FAASD_COMPOSE);
  });

  it('gives lines that make or change every secret of the functions', async () => {
    await install('install');
    const { output } = await install('secrets');
    const stack = await text(join(import.meta.dirname, '../../stack.yml'));
    const wanted = new Set([...stack.matchAll(/^ {6}- ([a-z0-9-]+)$/gm)].map(([, name]) => name ?? ''));
    assert.ok(wanted.size > 4);
    for (const name of wanted) {
      const file = faasd('thebox/secrets', name);
      const from = `${name} --from-file ${file}`;
      assert.ok(output.includes(`faas-cli secret create ${from} || faas-cli secret update ${from}`), name);
      assert.ok(existsSync(file), name);
    }
  });

  it('restores data, secrets and settings of a backup, and moves aside what was there', async () => {
    await install('install', '--tag', '1.0.0');
    await writeFile(faasd('thebox/data/nats/store'), 'before');
    const key = await text(faasd('thebox/secrets/box-api-key'));
    const file = join(root, 'backup.tar.gz');
    const { calls } = await install('backup', file);
    assert.match(calls, /systemctl stop faasd\nsystemctl start faasd\n/);
    await install('install', '--tag', '2.0.0');
    await writeFile(faasd('thebox/data/nats/store'), 'after');
    await writeFile(faasd('thebox/secrets/box-api-key'), 'another');
    await install('restore', file);
    assert.equal(await text(faasd('thebox/data/nats/store')), 'before');
    assert.equal(await text(faasd('thebox/secrets/box-api-key')), key);
    assert.match((await images()).join(), /thebox-connector:1\.0\.0/);
    const aside = (await readdir(faasd())).find((name) => name.startsWith('thebox.before-')) ?? '';
    assert.equal(await text(faasd(aside, 'data/nats/store')), 'after');
    assert.equal(await text(faasd('thebox/docker-compose.faasd.yaml')), FAASD_COMPOSE);
  });

  it('takes no file for a backup that is none, and leaves everything as it is', async () => {
    await install('install');
    await writeFile(join(root, 'none.tar.gz'), 'no archive');
    const key = await text(faasd('thebox/secrets/box-api-key'));
    await install('backup', join(root, 'whole.tar.gz'));
    const whole = await readFile(join(root, 'whole.tar.gz'));
    await writeFile(join(root, 'half.tar.gz'), whole.subarray(0, whole.length / 2));
    for (const name of ['none', 'half']) {
      assert.notEqual((await attempt('restore', join(root, `${name}.tar.gz`))).status, 0);
      assert.equal(await text(faasd('thebox/secrets/box-api-key')), key);
      assert.deepEqual(
        (await readdir(faasd())).filter((file) => file.startsWith('thebox')),
        ['thebox'],
      );
    }
  });

  it('makes the key pair of logins anew when a run was cut off between its halves', async () => {
    await install('install');
    await rm(faasd('thebox/secrets/nats-issuer-seed'));
    await install('install');
    const seed = await readFile(faasd('thebox/secrets/nats-issuer-seed'));
    assert.equal(fromSeed(seed).getPublicKey(), await text(faasd('thebox/secrets/nats-issuer-public')));
  });

  it('removes: faasd has its own files again, and data stays until it is told', async () => {
    await install('install');
    await writeFile(faasd('thebox/data/nats/store'), 'kept');
    const { calls } = await install('remove');
    assert.match(calls, /ctr -n openfaas container delete nats/);
    assert.equal(await text(faasd('docker-compose.yaml')), FAASD_COMPOSE);
    assert.equal(await text(faasd('prometheus.yml')), 'global: {}\n');
    assert.deepEqual(await readdir(join(root, 'units')), []);
    assert.deepEqual(await readdir(join(root, 'bin')), ['faasd']);
    assert.equal(await text(faasd('thebox/data/nats/store')), 'kept');
    await install('install');
    assert.equal(await text(faasd('thebox/data/nats/store')), 'kept');
    const file = join(root, 'backup.tar.gz');
    await install('backup', file);
    await install('restore', file);
    await install('remove', '--data');
    // Neither what is there nor what the restore moved aside: both hold secrets.
    assert.deepEqual(
      (await readdir(faasd())).filter((name) => name.startsWith('thebox')),
      [],
    );
  });
});
