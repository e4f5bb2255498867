import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { stageConsumers } from '#lib/bus/jetstream-consumers.ts';
import { openJetStreamDeadLetters } from '#lib/bus/jetstream-dead-letters.ts';
import { openJetStreamPublisher } from '#lib/bus/jetstream-publisher.ts';
import { openJetStreamStatusReader } from '#lib/bus/jetstream-stage-status.ts';
import { openJetStreamTopicReader } from '#lib/bus/jetstream-topic-reader.ts';
import { connectNats, INBOX_PREFIX } from '#lib/bus/nats-connection.ts';
import { consumerName, STREAM } from '#lib/bus/subjects.ts';
import type { TopicMessage } from '#lib/bus/topic-reader.ts';
import { openLog } from '#lib/log/log.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult, Wake } from '#lib/message/function-answer.ts';
import { type ScenarioRecord, STAGES, type Stage } from '#lib/scenario/scenario.ts';
import { openSecretFiles } from '#lib/secret/secret-files.ts';
import type { SourceRecord } from '#lib/source/source.ts';
import { openConnectorMetrics } from '../../connector/metrics.ts';
import { type Connector, type ConnectorLimits, openConnector } from '../../connector/open-connector.ts';
import { startNats } from '../../local/server/nats.ts';
import { openMemoryFeed } from '../support/memory-feed.ts';
import { temporaryFolder } from '../support/servers.ts';

const MIB = 1024 * 1024;
/** What is waited for comes in milliseconds, on a machine that has time. */
const PATIENCE_MS = 100_000;

export const LIMITS: ConnectorLimits = {
  streams: { maxBytes: 64 * MIB, maxDeadBytes: 8 * MIB, duplicateWindowMs: 60_000 },
  history: { ageMs: 3_600_000, bytes: 32 * MIB },
  maxBatchEvents: 64,
  maxBatchBytes: MIB,
  invocationTimeoutMs: 5000,
  maxDeliver: 3,
};

export interface Call {
  readonly name: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The events of a batch; undefined in binary mode. */
  readonly events: readonly CloudEvent[] | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Longer than any call of a test is held: none is made a second time because the machine is slow. */
export const PATIENT = { invocationTimeoutMs: 60_000 } as const;

export type TestFunction = (call: Call) => Answer | Promise<Answer>;

export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly functions: Map<string, TestFunction>;
  readonly calls: Call[];
  /** Stops listening and cuts every connection, in the middle of an answer too. */
  close(): Promise<void>;
}

/** What a function says; 502 where it says nothing, as a gateway answers for one that is away. */
async function answerOf(handler: TestFunction, call: Call): Promise<Answer> {
  try {
    return await handler(call);
  } catch (error) {
    return { status: 502, body: String(error) };
  }
}

/** A real HTTP server that answers `/function/NAME` as the gateway would; a function that it does not have is 404. */
export async function openGateway(port = 0, functions = new Map<string, TestFunction>()): Promise<TestGateway> {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    const name = /^\/function\/([^/?]+)/.exec(request.url ?? '')?.[1] ?? '';
    const body = await bytesOf(request);
    const isBatch = request.headers['content-type'] === 'application/cloudevents-batch+json';
    const call: Call = {
      name,
      path: request.url ?? '',
      headers: request.headers,
      body,
      events: isBatch ? (JSON.parse(body.toString()) as CloudEvent[]) : undefined,
    };
    calls.push(call);
    const handler = functions.get(name);
    const answer = handler ? await answerOf(handler, call) : { status: 404, body: `No such function: ${name}.` };
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    functions,
    calls,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The events of a call, in whichever mode they came. */
export function eventsOf({ events, headers, body }: Call): readonly CloudEvent[] {
  if (events !== undefined) return events;
  const attributes = Object.entries(headers)
    .filter(([name]) => name.startsWith('ce-'))
    .map(([name, value]) => [name.slice(3), decodeURIComponent(String(value))]);
  const type = headers['content-type'];
  const data =
    type === 'application/json' ? { data: JSON.parse(body.toString()) } : { data_base64: body.toString('base64') };
  return [{ ...Object.fromEntries(attributes), datacontenttype: type, ...data } as unknown as CloudEvent];
}

/** A function in our form: one result per event. */
export function answering(each: (event: CloudEvent) => Partial<CloudEvent>[] | EventError): TestFunction {
  return (call) => results(eventsOf(call).map((event) => resultOf(event, each(event))));
}

export interface EventError {
  readonly error: { readonly code: string; readonly message: string; readonly retry: boolean };
}

function resultOf(event: CloudEvent, made: Partial<CloudEvent>[] | EventError): EventResult {
  return Array.isArray(made) ? { id: event.id, events: made as CloudEvent[] } : { id: event.id, error: made.error };
}

export function results(list: readonly EventResult[], wake?: readonly Wake[]): Answer {
  const body = JSON.stringify({ results: list, ...(wake !== undefined && { wake }) });
  return { status: 200, headers: { 'content-type': 'application/json' }, body };
}

/** One output per event, with the same data. */
export const echo: TestFunction = answering((event) => [{ data: event.data }]);

export interface StageOf {
  readonly in: string;
  readonly out: string;
  readonly function?: string;
}

const CREATED_AT = new Date(Date.now() - 60_000).toISOString();

/** A scenario of these stages; `rev` and `paused` may differ. */
export function record(
  id: string,
  stages: Partial<Record<Stage, StageOf>>,
  more: Partial<Pick<ScenarioRecord, 'rev' | 'paused' | 'createdAt'>> = {},
): ScenarioRecord {
  const definition = Object.fromEntries(
    Object.entries(stages).map(([stage, { in: inTopic, out, function: name }]) => [
      `${stage}_definition`,
      {
        in_topic: inTopic,
        out_topic: out,
        ...(name !== undefined && { function: name }),
        ...(stage === 'ingestion' && { data_descriptor: { ingestion_data_name: '', feature_list: [] } }),
        ...(stage === 'notification' && { rules: [] }),
      },
    ]),
  );
  return {
    id,
    rev: '1-a',
    paused: false,
    createdAt: CREATED_AT,
    updatedAt: CREATED_AT,
    ...more,
    scenario: { _id: id, scenario_name: id, scenario_definition: definition },
  };
}

export type Fixture = Awaited<ReturnType<typeof openFixture>>;

/** NATS, a gateway and a connector between them, with all that a test needs to look at it. */
export async function openFixture(limits: Partial<ConnectorLimits> = {}, gatewayUrl?: string) {
  const dataDir = await temporaryFolder('connector');
  let nats = await startNats({ dataDir });
  const secretsDir = await temporaryFolder('secrets');
  await writeFile(join(secretsDir, 'box-api-key'), 'secret-key');
  const connection = await connectNats({ url: nats.url, name: 'test' });
  const gateway = await openGateway();
  const feed = openMemoryFeed<ScenarioRecord>();
  const sources = openMemoryFeed<SourceRecord>();
  const publisher = openJetStreamPublisher(connection);
  const reader = openJetStreamTopicReader(connection);
  const status = await openJetStreamStatusReader(connection);
  const manager = await jetstreamManager(connection);
  const deadLetters = await openJetStreamDeadLetters(connection);
  const metrics = openConnectorMetrics();
  const connectors: { connector: Connector; connection: NatsConnection }[] = [];
  const startConnector = async () => {
    const own = await connectNats({ url: nats.url, name: 'connector' });
    const connector = await openConnector({
      connection: own,
      feed,
      sources,
      gatewayUrl: gatewayUrl ?? gateway.url,
      secrets: openSecretFiles(secretsDir),
      log: openLog('connector', process.env.TEST_LOG_LEVEL ?? 'silent'),
      metrics,
      limits: { ...LIMITS, ...limits },
    });
    connectors.push({ connector, connection: own });
    return connector;
  };
  const stopConnector = async () => {
    for (const { connector, connection: own } of connectors.splice(0)) {
      await connector.close(2000);
      await own.close();
    }
  };
  const connector = await startConnector();
  return {
    natsUrl: nats.url,
    secretsDir,
    connection,
    gateway,
    feed,
    sources,
    publisher,
    reader,
    status,
    deadLetters,
    metrics,
    connector,
    startConnector,
    stopConnector,
    /** Kills NATS and starts it again on the same port, with the same data unless another folder is given. */
    async restartNats(folder = dataDir) {
      await nats.kill();
      nats = await startNats({ dataDir: folder, port: nats.port });
    },
    /** Puts the scenario and waits until the connector works with it. */
    async put(scenario: ScenarioRecord) {
      feed.put(scenario);
      await status.waitApplied(scenario.id, scenario.rev, PATIENCE_MS);
    },
    /** Publishes a JSON value, without any header. */
    async send(topic: string, value: unknown, attributes: Record<string, string> = {}) {
      return publisher.publish(topic, { attributes, body: Buffer.from(JSON.stringify(value)) });
    },
    /** The first `count` messages of a topic. */
    async receive(topic: string, count: number, from = 1): Promise<TopicMessage[]> {
      const stop = new AbortController();
      const found: TopicMessage[] = [];
      const late = setTimeout(() => stop.abort(), PATIENCE_MS);
      for await (const message of reader.read(topic, { from: { seq: from }, until: 'never', signal: stop.signal })) {
        found.push(message);
        if (found.length === count) stop.abort();
      }
      clearTimeout(late);
      if (found.length < count)
        throw new Error(`${topic}: ${count} messages expected within ${PATIENCE_MS / 1000} s, got ${found.length}`);
      return found;
    },
    /** Everything that is on a topic now. */
    async all(topic: string): Promise<TopicMessage[]> {
      const found: TopicMessage[] = [];
      for await (const message of reader.read(topic, { from: { seq: 1 }, until: 'end' })) found.push(message);
      return found;
    },
    /**
     * Listens from now on to what the bus hands the connector for a stage; the function that it resolves with resolves when the connector
     * has `count` more messages. The bus's own numbers do not tell: they count what is on its way too.
     */
    async followPrefetch(scenario: string, stage: Stage, count: number): Promise<() => Promise<void>> {
      const own = connectors.at(-1)?.connection;
      if (own === undefined) throw new Error('No connector runs');
      const handedOut = Promise.withResolvers<void>();
      const prefix = `$JS.ACK.${STREAM}.${consumerName(scenario, stage)}.`;
      let left = count;
      // On the connector's connection: it gets each message as often as there are subscriptions, and what is flushed after them after both.
      const subscription = own.subscribe(`${INBOX_PREFIX}.>`, {
        callback: (_error, { reply }) => {
          if (reply?.startsWith(prefix) && --left === 0) handedOut.resolve();
        },
      });
      await own.flush();
      return async () => {
        await handedOut.promise;
        subscription.unsubscribe();
        await own.flush();
      };
    },
    /** Waits until the stages of the scenario are done with all that was published before, and with what was made of it. */
    async idle(scenario: string) {
      await until(async () => {
        const consumers = await stageConsumers(manager);
        const names = STAGES.map((stage) => consumerName(scenario, stage)).filter((name) => consumers.has(name));
        // In the order of the pipeline: once a stage is done, all that it made for the next one is stored.
        for (const name of names) if (!(await isDone(manager, name))) return false;
        return names.length > 0;
      }, `${scenario} to be idle`);
    },
    async close() {
      await stopConnector();
      publisher.close();
      deadLetters.close();
      await gateway.close();
      await connection.close();
      await nats.stop();
    },
  };
}

export function jsonOf(message: TopicMessage | undefined): unknown {
  return JSON.parse(Buffer.from(message?.body ?? []).toString());
}

/** Whether a stage is done with what is stored for it. "Nothing waits" would not do: a message is counted a moment after it was stored. */
async function isDone(manager: JetStreamManager, consumer: string): Promise<boolean> {
  const { config } = await manager.consumers.info(STREAM, consumer);
  let last = 0;
  for (const subject of config.filter_subjects ?? []) {
    const message = await manager.streams.getMessage(STREAM, { last_by_subj: subject });
    last = Math.max(last, message?.seq ?? 0);
  }
  const { delivered, num_ack_pending, num_pending } = await manager.consumers.info(STREAM, consumer);
  return delivered.stream_seq >= last && num_ack_pending === 0 && num_pending === 0;
}

/** Looks again and again until it holds, within reason. */
export async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${PATIENCE_MS / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
