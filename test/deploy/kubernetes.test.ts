import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv, type Schema } from 'ajv';
import { parse, parseAllDocuments } from 'yaml';

const FOLDER = join(import.meta.dirname, '../../deploy/kubernetes');
const text = { type: 'string', minLength: 1 };
const name = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' };
const strings = { type: 'object', additionalProperties: text };
const quantity = { type: 'string', pattern: '^[0-9]+(m|Ki|Mi|Gi)?$' };
const amounts = { type: 'object', additionalProperties: false, properties: { cpu: quantity, memory: quantity } };

/** A closed object. */
function object(properties: Readonly<Record<string, unknown>>, required: readonly string[] = Object.keys(properties)) {
  return { type: 'object', additionalProperties: false, required, properties };
}
const list = (items: unknown) => ({ type: 'array', minItems: 1, items });

const probe = object(
  {
    httpGet: object({ path: text, port: text }),
    periodSeconds: { type: 'integer' },
    initialDelaySeconds: { type: 'integer' },
    failureThreshold: { type: 'integer' },
  },
  ['httpGet'],
);

/** The fields of Kubernetes' own types that we use, with what the restricted pod security standard demands made required. */
const POD = object(
  {
    automountServiceAccountToken: { const: false },
    terminationGracePeriodSeconds: { type: 'integer' },
    restartPolicy: { enum: ['OnFailure', 'Never'] },
    securityContext: object({
      runAsNonRoot: { const: true },
      runAsUser: { type: 'integer', minimum: 1 },
      runAsGroup: { type: 'integer', minimum: 1 },
      fsGroup: { type: 'integer' },
      seccompProfile: object({ type: { const: 'RuntimeDefault' } }),
    }),
    containers: list(
      object(
        {
          name,
          image: text,
          command: list(text),
          ports: list(object({ name, containerPort: { type: 'integer' } })),
          env: list(object({ name: { type: 'string', pattern: '^[A-Z0-9_]+$' }, value: text })),
          readinessProbe: probe,
          livenessProbe: probe,
          resources: object({ requests: amounts, limits: amounts }),
          securityContext: object({
            allowPrivilegeEscalation: { const: false },
            readOnlyRootFilesystem: { const: true },
            capabilities: object({ drop: { const: ['ALL'] } }),
          }),
          volumeMounts: list(object({ name, mountPath: text, readOnly: { type: 'boolean' } }, ['name', 'mountPath'])),
        },
        ['name', 'image', 'env', 'resources', 'securityContext'],
      ),
    ),
    volumes: list(
      object(
        { name, secret: object({ secretName: name, defaultMode: { type: 'integer' } }), emptyDir: { type: 'object' } },
        ['name'],
      ),
    ),
  },
  ['automountServiceAccountToken', 'securityContext', 'containers'],
);
const labels = object({ matchLabels: strings });
const template = object({ metadata: object({ labels: strings, annotations: strings }, ['labels']), spec: POD });
const port = object({ name, port: { type: 'integer' }, targetPort: text });

/** What lies beside apiVersion, kind and metadata, by kind. */
const KINDS: Readonly<Record<string, readonly [apiVersion: string, spec: object]>> = {
  Namespace: ['v1', {}],
  Service: [
    'v1',
    object({ type: { const: 'ExternalName' }, externalName: text, selector: strings, ports: list(port) }, []),
  ],
  Deployment: [
    'apps/v1',
    object({
      replicas: { type: 'integer', minimum: 1 },
      strategy: object({ type: { enum: ['Recreate', 'RollingUpdate'] } }),
      selector: labels,
      template,
    }),
  ],
  Job: [
    'batch/v1',
    object({ backoffLimit: { type: 'integer' }, ttlSecondsAfterFinished: { type: 'integer' }, template }),
  ],
  NetworkPolicy: [
    'networking.k8s.io/v1',
    object({
      podSelector: labels,
      policyTypes: list({ enum: ['Ingress', 'Egress'] }),
      ingress: list(object({ ports: list(object({ port: { type: 'integer' }, protocol: { const: 'TCP' } })) })),
    }),
  ],
  RabbitmqCluster: [
    'rabbitmq.com/v1beta1',
    object({
      replicas: { type: 'integer', enum: [1, 3, 5] },
      image: text,
      persistence: object({ storage: quantity }),
      resources: object({ requests: amounts, limits: amounts }),
      rabbitmq: object({ additionalConfig: text }),
      override: object({ statefulSet: { type: 'object' } }),
    }),
  ],
};

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

function schemaOf(kind: string): Schema {
  const known = KINDS[kind];
  assert.ok(known, `${kind} is a kind that the test knows`);
  const [apiVersion, spec] = known;
  const metadata = object({ name, namespace: name, labels: strings }, ['name']);
  return object({ apiVersion: { const: apiVersion }, kind: { const: kind }, metadata, spec }, ['apiVersion', 'kind']);
}

async function manifests(): Promise<[file: string, manifest: Manifest][]> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.yaml') && !file.startsWith('values-'));
  const all = await Promise.all(
    files.map(async (file) =>
      parseAllDocuments(await readFile(join(FOLDER, file), 'utf8')).map((document): [string, Manifest] => {
        assert.deepEqual(document.errors, [], file);
        return [file, document.toJS() as Manifest];
      }),
    ),
  );
  return all.flat();
}

describe('deploy/kubernetes', () => {
  it('has manifests whose every field is known, and pods that the restricted standard admits', async () => {
    for (const [file, manifest] of await manifests()) {
      const validate = new Ajv({ allErrors: true, strictTypes: false }).compile(schemaOf(manifest.kind));
      assert.ok(validate(manifest), `${file} ${manifest.kind}: ${JSON.stringify(validate.errors, null, 2)}`);
    }
  });

  it('gives functions the names of servers that stack.yml has', async () => {
    const stack = await readFile(join(FOLDER, '../../stack.yml'), 'utf8');
    const hosts = new Set([...stack.matchAll(/_(?:URL|ENDPOINT): \w+:\/\/([a-z]+):/g)].map(([, host]) => host ?? ''));
    const named = (await manifests())
      .filter(([file]) => file === 'names.yaml')
      .map(([, { metadata }]) => `${metadata.namespace}/${metadata.name}`);
    assert.deepEqual(named.toSorted(), [...hosts].map((host) => `openfaas-fn/${host}`).toSorted());
  });

  it('has values of charts that are YAML with the settings that The Box counts on', async () => {
    const values = async (chart: string): Promise<unknown> =>
      parse(await readFile(join(FOLDER, `values-${chart}.yaml`), 'utf8'));
    const nats = Object((await values('nats')) as object).config;
    assert.equal(nats.merge.max_payload, 10_485_760);
    assert.equal(nats.jetstream.enabled, true);
    assert.equal(Object((await values('couchdb')) as object).createAdminSecret, false);
    assert.equal(Object((await values('openfaas')) as object).gateway.upstreamTimeout, '65s');
  });
});
