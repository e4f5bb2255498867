import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { connect } from 'amqplib';
import { request } from 'undici';
import { parse } from 'yaml';
import { type Appliance, openAppliance } from '../../local/appliance.ts';
import { freePort } from '../../local/server/free-port.ts';
import { type RabbitmqServer, startRabbitmq } from '../../local/server/rabbitmq.ts';
import { temporaryFolder } from '../support/servers.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const RABBITMQCTL = '/usr/lib/rabbitmq/bin/rabbitmqctl';
const FUNCTIONS = ['orchestrator', 'ingestion', 'inference', 'notification', 'sensory'];

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** The names of the metrics in an expression of PromQL. @throws when it is none. */
function metricsOf(expression: string): string[] {
  const names: string[] = [];
  const visit = (node: SyntaxNode): void => {
    assert.ok(!node.type.isError, `Cannot parse ${expression} at ${node.from}`);
    if (node.name === 'Identifier' && node.parent?.name === 'VectorSelector') {
      names.push(expression.slice(node.from, node.to));
    }
    for (let child = node.firstChild; child; child = child.nextSibling) visit(child);
  };
  visit(parser.parse(expression).topNode);
  assert.ok(names.length > 0, expression);
  return names;
}

/** The series of a page of metrics; a metric that was not counted yet is named by its type alone. */
function seriesOf(page: string): string[] {
  const declared = [...page.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return declared.flatMap(([, name = '', type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name],
  );
}

async function read(page: string): Promise<string> {
  const { statusCode, body } = await request(page);
  assert.equal(statusCode, 200, page);
  return body.text();
}

describe('deploy/prometheus, deploy/grafana: what is asked of Prometheus is there', () => {
  let appliance: Appliance;
  let rabbitmq: RabbitmqServer;
  let rabbitmqPage: string;
  const series = new Set(['up']);
  before(async () => {
    const folder = await temporaryFolder('monitoring');
    appliance = await openAppliance({ root: REPOSITORY, folder, ports: 'free', rabbitmq: 'never' });
    assert.deepEqual(appliance.down, []);
    const metricsPort = await freePort();
    rabbitmq = await startRabbitmq({ dataDir: await temporaryFolder('rabbitmq'), metricsPort });
    rabbitmqPage = `http://127.0.0.1:${metricsPort}/metrics`;
    const { BOX_GATEWAY, BOX_CONNECTOR, S3_ENDPOINT } = appliance.env;
    const pages = FUNCTIONS.map((name) => `${BOX_GATEWAY}/function/${name}/metrics`);
    pages.push(`${BOX_CONNECTOR}/metrics`, `${S3_ENDPOINT}/minio/v2/metrics/cluster`, rabbitmqPage);
    for (const page of pages) for (const name of seriesOf(await read(page))) series.add(name);
  });
  after(async () => {
    await rabbitmq?.stop();
    await appliance?.close();
  });

  const missing = (expression: string) => metricsOf(expression).filter((name) => !series.has(name));

  it('every alert is over metrics that exist, and says what to do', async () => {
    const file = await readFile(join(REPOSITORY, 'deploy/prometheus/thebox.rules.yml'), 'utf8');
    const { groups } = parse(file) as { groups: { rules: Rule[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 10);
    for (const { alert, expr, labels, annotations } of rules) {
      assert.deepEqual(missing(expr), [], alert);
      assert.match(labels.severity ?? '', /^(critical|warning)$/, alert);
      assert.deepEqual(Object.keys(annotations).sort(), ['action', 'summary'], alert);
    }
  });

  it('every panel of the dashboard is over metrics that exist', async () => {
    const dashboard: unknown = JSON.parse(await readFile(join(REPOSITORY, 'deploy/grafana/thebox.json'), 'utf8'));
    const { panels } = dashboard as { panels: Panel[] };
    const expressions = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
    assert.ok(expressions.length > 20);
    for (const { title, expr } of expressions) {
      // Grafana puts a time in its place.
      assert.deepEqual(missing(expr.replaceAll('$__rate_interval', '5m')), [], title);
    }
  });

  it('every counter of ours is on the dashboard', async () => {
    const dashboard = await readFile(join(REPOSITORY, 'deploy/grafana/thebox.json'), 'utf8');
    const counters = [...series].filter((name) => /^box_connector_\w+_total$/.test(name));
    assert.ok(counters.length > 3);
    for (const name of counters) assert.ok(dashboard.includes(name), name);
  });

  it('Prometheus is told of every function, the connector and the rules', async () => {
    const { scrape_configs, rule_files } = parse(
      await readFile(join(REPOSITORY, 'deploy/faasd/prometheus.yml'), 'utf8'),
    ) as { scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]; rule_files: string[] };
    const targets = new Map(scrape_configs.map((job) => [job.job_name, job.static_configs[0]?.targets]));
    assert.deepEqual(targets.get('functions'), FUNCTIONS);
    assert.deepEqual(targets.get('connector'), ['connector:8081']);
    assert.deepEqual(targets.get('rabbitmq'), ['rabbitmq:15692']);
    assert.deepEqual(rule_files, ['thebox.rules.yml']);
  });

  it('RabbitMQ of a board answers Prometheus', async () => {
    const folder = await temporaryFolder('config');
    await promisify(execFile)('sh', [join(REPOSITORY, 'deploy/make-config.sh'), folder]);
    assert.equal(await readFile(join(folder, 'rabbitmq/enabled_plugins'), 'utf8'), '[rabbitmq_prometheus].\n');
  });

  it('RabbitMQ says that publishers are blocked by the metric that the alert is over', async () => {
    const value = async (name: string) =>
      new RegExp(`^${name}(?:{.*})? (\\d+)$`, 'm').exec(await read(rabbitmqPage))?.[1];
    assert.equal(await value('rabbitmq_alarms_memory_used_watermark'), '0');
    const control = (...args: string[]) => promisify(execFile)(RABBITMQCTL, args, { env: rabbitmq.nodeEnv });
    const connection = await connect(rabbitmq.url);
    try {
      const channel = await connection.createChannel();
      await control('set_vm_memory_high_watermark', 'absolute', '1MB');
      const blocked = once(connection, 'blocked');
      channel.publish('', 'nobody', Buffer.from('blocked'));
      await blocked;
      assert.equal(await value('rabbitmq_alarms_memory_used_watermark'), '1');
      assert.equal(await value('rabbitmq_alarms_free_disk_space_watermark'), '0');
    } finally {
      await connection.close();
    }
  });
});
