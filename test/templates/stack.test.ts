import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { parse } from 'yaml';

const REPOSITORY = join(import.meta.dirname, '../..');
const SECRETS = ['box-api-key', 'couchdb-password', 'nats-password', 's3-access-key', 's3-secret-key', 'amqp-password'];
/** Which secret goes with which address: who is given one needs the other. */
const SECRET_OF = {
  COUCHDB_URL: 'couchdb-password',
  NATS_URL: 'nats-password',
  S3_ENDPOINT: 's3-secret-key',
  AMQP_URL: 'amqp-password',
};

const text = { type: 'string', minLength: 1 };
const duration = { type: 'string', pattern: '^[0-9]+(ms|s|m)$' };
const memory = {
  type: 'object',
  required: ['memory'],
  additionalProperties: false,
  properties: { memory: { type: 'string', pattern: '^[0-9]+Mi$' } },
};

/** What of stack.yml's format we use, the fields of faas-cli's own types. A field that it does not know is ignored silently. */
const FUNCTION_SCHEMA = {
  type: 'object',
  required: ['lang', 'handler', 'image', 'environment', 'secrets', 'labels', 'limits', 'requests'],
  additionalProperties: false,
  properties: {
    lang: { const: 'box-node' },
    handler: text,
    image: { type: 'string', pattern: '^\\$\\{REGISTRY:-[a-z0-9./-]+\\}/[a-z0-9-]+:\\$\\{TAG:-latest\\}$' },
    environment: {
      type: 'object',
      required: [
        'read_timeout',
        'write_timeout',
        'exec_timeout',
        'healthcheck_interval',
        'max_inflight',
        'NODE_OPTIONS',
      ],
      properties: {
        read_timeout: duration,
        write_timeout: duration,
        exec_timeout: duration,
        healthcheck_interval: duration,
        max_inflight: { type: 'string', pattern: '^[1-9][0-9]*$' },
        NODE_OPTIONS: {
          type: 'string',
          pattern: '^--max-old-space-size=[0-9]+ --max-semi-space-size=[0-9]+ --expose-gc$',
        },
      },
      additionalProperties: text,
    },
    secrets: { type: 'array', items: { enum: SECRETS }, uniqueItems: true, contains: { const: 'box-api-key' } },
    labels: { type: 'object', additionalProperties: text },
    annotations: { type: 'object', additionalProperties: text, propertyNames: { not: { const: 'topic' } } },
    limits: memory,
    requests: memory,
    readonly_root_filesystem: { const: true },
  },
};

const STACK_SCHEMA = {
  type: 'object',
  required: ['version', 'provider', 'configuration', 'functions'],
  additionalProperties: false,
  properties: {
    version: { const: 1 },
    provider: {
      type: 'object',
      required: ['name', 'gateway'],
      additionalProperties: false,
      properties: { name: { const: 'openfaas' }, gateway: text },
    },
    configuration: {
      type: 'object',
      required: ['copy'],
      additionalProperties: false,
      properties: { copy: { type: 'array', items: text } },
    },
    functions: {
      type: 'object',
      propertyNames: { pattern: '^[a-z][a-z0-9-]{0,62}$' },
      additionalProperties: FUNCTION_SCHEMA,
    },
  },
};

interface StackFunction {
  readonly handler: string;
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly limits: { readonly memory: string };
  readonly requests: { readonly memory: string };
}

interface Stack {
  readonly configuration: { readonly copy: readonly string[] };
  readonly functions: Readonly<Record<string, StackFunction>>;
}

describe('stack.yml', () => {
  let stack: Stack;
  before(async () => {
    const document: unknown = parse(await readFile(join(REPOSITORY, 'stack.yml'), 'utf8'));
    const validate = new Ajv({ allErrors: true }).compile<Stack>(STACK_SCHEMA);
    assert.ok(validate(document), JSON.stringify(validate.errors, null, 2));
    stack = document;
  });

  it('names every role, its folder and its image alike', () => {
    const names = Object.keys(stack.functions);
    assert.deepEqual(names, ['orchestrator', 'ingestion', 'inference', 'notification', 'sensory']);
    for (const [name, { handler, image }] of Object.entries(stack.functions)) {
      assert.equal(handler, `./functions/${name}`);
      assert.match(image, new RegExp(`/thebox-${name}:`));
    }
  });

  it('copies what is there into the build context', () => {
    for (const path of stack.configuration.copy) assert.ok(existsSync(join(REPOSITORY, path)), path);
  });

  it('gives the three timeouts together, and a short healthcheck_interval', () => {
    for (const { environment } of Object.values(stack.functions)) {
      const { read_timeout, write_timeout, exec_timeout, healthcheck_interval } = environment;
      assert.deepEqual([read_timeout, write_timeout, exec_timeout, healthcheck_interval], ['60s', '60s', '60s', '1s']);
    }
  });

  it('keeps the heap within half of the memory limit, and the request within the limit', () => {
    for (const [name, { environment, limits, requests }] of Object.entries(stack.functions)) {
      const heapMb = Number(/old-space-size=(\d+)/.exec(environment.NODE_OPTIONS ?? '')?.[1]);
      const limitMb = Number.parseInt(limits.memory, 10);
      assert.ok(heapMb >= 64 && heapMb <= limitMb / 2, `${name}: heap ${heapMb}, limit ${limitMb}`);
      assert.ok(Number.parseInt(requests.memory, 10) <= limitMb, name);
    }
  });

  it('gives a secret to a function exactly if it has the address that the secret is for', () => {
    for (const [name, { environment, secrets }] of Object.entries(stack.functions)) {
      for (const [variable, secret] of Object.entries(SECRET_OF)) {
        assert.equal(secrets.includes(secret), variable in environment, `${name}: ${variable} and ${secret}`);
      }
      assert.equal(secrets.includes('s3-access-key'), secrets.includes('s3-secret-key'), name);
    }
  });

  it('gives every variable that a function’s configuration asks for', async () => {
    for (const [name, { environment }] of Object.entries(stack.functions)) {
      const exports: [string, unknown][] = Object.entries(await import(`../../functions/${name}/config.ts`));
      const readers = exports.filter(([key, value]) => /config$/i.test(key) && typeof value === 'function');
      assert.equal(readers.length, 1, `${name}/config.ts exports one function that reads its configuration`);
      for (const [, read] of readers)
        assert.doesNotThrow(() => Reflect.apply(Object(read), undefined, [environment]), name);
    }
  });

  it('turns off ONNX Runtime’s telemetry', () => {
    assert.equal(stack.functions.inference?.environment.ORT_DISABLE_TELEMETRY, '1');
  });
});
