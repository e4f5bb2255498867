import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { runToEnd } from '../../setup/run-to-end.ts';

const REPOSITORY = join(import.meta.dirname, '../..');

const text = { type: 'string', minLength: 1 };
const texts = { type: 'array', items: text };
const command = { type: 'array', items: text };

/** What of the Compose Specification we use. */
const SERVICE = {
  type: 'object',
  required: ['image'],
  additionalProperties: false,
  properties: {
    image: text,
    build: {
      type: 'object',
      required: ['context', 'dockerfile'],
      additionalProperties: false,
      properties: { context: text, dockerfile: text },
    },
    user: { type: 'string', pattern: '^[0-9]+$' },
    hostname: text,
    command,
    entrypoint: command,
    environment: { type: 'object', additionalProperties: text },
    volumes: { type: 'array', items: { type: 'string', pattern: '^[./a-z0-9-]+:/[^:]*(:ro)?$' } },
    ports: { type: 'array', items: { type: 'string', pattern: '^127\\.0\\.0\\.1:[0-9]+:[0-9]+$' } },
    depends_on: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['condition'],
        additionalProperties: false,
        properties: { condition: { enum: ['service_started', 'service_completed_successfully'] } },
      },
    },
    restart: { enum: ['unless-stopped', 'on-failure'] },
    network_mode: { const: 'none' },
    mem_limit: { type: 'string', pattern: '^[0-9]+m$' },
    read_only: { type: 'boolean' },
    tmpfs: texts,
    cap_drop: texts,
    security_opt: texts,
  },
};

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly mem_limit?: string;
        readonly user?: string;
        readonly cap_drop?: readonly string[];
        readonly security_opt?: readonly string[];
        readonly environment?: Readonly<Record<string, string>>;
        readonly volumes?: readonly string[];
      }
    >
  >;
  readonly volumes: Readonly<Record<string, null>>;
}

interface Stack {
  readonly functions: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly limits: { readonly memory: string };
        readonly environment: Readonly<Record<string, string>>;
      }
    >
  >;
}

describe('compose.yaml', () => {
  let compose: Compose;
  let stack: Stack;
  before(async () => {
    const document: unknown = parse(await readFile(join(REPOSITORY, 'compose.yaml'), 'utf8'), { merge: true });
    const validate = new Ajv({ allErrors: true }).compile<Compose>({
      type: 'object',
      required: ['name', 'services', 'volumes'],
      additionalProperties: false,
      patternProperties: { '^x-': {} },
      properties: {
        name: { const: 'thebox' },
        services: { type: 'object', additionalProperties: SERVICE },
        volumes: { type: 'object', additionalProperties: { type: 'null' } },
      },
    });
    assert.ok(validate(document), JSON.stringify(validate.errors, null, 2));
    compose = document;
    stack = parse(await readFile(join(REPOSITORY, 'stack.yml'), 'utf8')) as Stack;
  });

  it('runs each function of stack.yml from its image, with its environment and memory', () => {
    for (const [name, { image, limits, environment }] of Object.entries(stack.functions)) {
      const service = compose.services[name];
      assert.equal(service?.image, image, name);
      assert.equal(service?.mem_limit, limits.memory.replace('Mi', 'm'), name);
      assert.deepEqual(service?.environment, { ...environment, SECRETS_DIR: '/config/secrets' }, name);
    }
  });

  it('runs nothing as root but what makes the secrets and ends, and nothing with capabilities', () => {
    for (const [name, { image, user, cap_drop, security_opt }] of Object.entries(compose.services)) {
      if (name === 'config') continue;
      // Ours say in their Dockerfiles that they are 1000.
      assert.equal(user === undefined, image.includes('/thebox-'), name);
      assert.notEqual(user, '0', name);
      assert.deepEqual(cap_drop, ['ALL'], name);
      assert.deepEqual(security_opt, ['no-new-privileges:true'], name);
    }
  });

  it('mounts what is there', () => {
    for (const [name, { volumes = [] }] of Object.entries(compose.services)) {
      for (const [source = ''] of volumes.map((volume) => volume.split(':'))) {
        if (source.startsWith('.')) assert.ok(existsSync(join(REPOSITORY, source)), `${name}: ${source}`);
        else assert.ok(source in compose.volumes, `${name}: ${source}`);
      }
    }
  });

  it('has the servers of a board', async () => {
    const versions = await readFile(join(REPOSITORY, 'deploy/faasd/versions.env'), 'utf8');
    const of = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(versions)?.[1] ?? 'missing';
    const { nats, couchdb, rabbitmq, minio } = compose.services;
    assert.ok(nats?.image.endsWith(`/nats:${of('NATS_VERSION')}-alpine`));
    assert.ok(couchdb?.image.endsWith(`/couchdb:${of('COUCHDB_VERSION')}`));
    assert.ok(rabbitmq?.image.endsWith(`/rabbitmq:${of('RABBITMQ_VERSION')}`));
    assert.ok(minio?.image.endsWith(`/minio:${of('MINIO_RELEASE')}`));
  });
});

describe('deploy/compose', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-compose-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** env.sh, where a program of one line stands for Docker; it is called as `PROGRAM exec -T connector cat FILE`. */
  async function addresses(body: string): Promise<{ status: number; output: string }> {
    const program = join(folder, 'compose');
    await writeFile(program, `#!/bin/sh\n${body}\n`);
    await chmod(program, 0o755);
    const script = join(REPOSITORY, 'deploy/compose/env.sh');
    return runToEnd('sh', [script], { ...process.env, COMPOSE: program });
  }

  it('tells addresses and keys by the secrets that the containers have', async () => {
    const made = join(folder, 'config');
    const { status, output } = await runToEnd('sh', [join(REPOSITORY, 'deploy/make-config.sh'), made], process.env);
    assert.equal(status, 0, output);
    const told = await addresses(`cat "${made}\${5#/config}"`);
    assert.equal(told.status, 0, told.output);
    const exports = new Map(
      [...told.output.matchAll(/^export ([A-Z0-9_]+)=(.+)$/gm)].map(([, name, value]) => [name, value]),
    );
    const secret = (name: string) => readFile(join(made, 'secrets', name), 'utf8');
    assert.equal(exports.get('BOX_API_KEY'), await secret('box-api-key'));
    assert.equal(exports.get('S3_SECRET_KEY'), await secret('s3-root-password'));
    assert.equal(exports.get('AMQP_URL'), `amqp://thebox:${await secret('amqp-password')}@127.0.0.1:5672/sensory`);
    assert.equal(told.output.trim().split('\n').length, exports.size);
  });

  it('tells nothing when the containers do not run', async () => {
    const { status, output } = await addresses('echo "no such service" >&2; exit 1');
    assert.notEqual(status, 0);
    assert.doesNotMatch(output, /export/);
  });

  it('has nginx ask the first name server alone', async () => {
    const script = join(REPOSITORY, 'deploy/compose/first-resolver.envsh');
    // nginx's start script leaves out what cannot be run.
    assert.equal((await stat(script)).mode & 0o111, 0o111);
    const env = { ...process.env, NGINX_LOCAL_RESOLVERS: '10.89.0.1 192.0.2.1' };
    const { output } = await runToEnd('sh', ['-c', `. "${script}"; echo "$NGINX_LOCAL_RESOLVERS"`], env);
    assert.equal(output.trim(), '10.89.0.1');
  });
});
