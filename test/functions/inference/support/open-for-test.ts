import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FunctionContext, FunctionEvent, OpenedFunction } from '#lib/function/contract.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { open } from '../../../../functions/inference/handler.ts';

export const KEY = 'key-of-the-test';
/** The folder of the small models. */
export const MODELS = fileURLToPath(new URL('../models/', import.meta.url));

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  json(): unknown;
}

export interface TestInference {
  readonly folder: string;
  readonly opened: OpenedFunction;
  /** Scenarios that the orchestrator of the test has, by `id rev`. */
  readonly records: Map<string, ScenarioRecord>;
  call(request: Partial<FunctionEvent>): Promise<Answer>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

/** The inference function as the template opens it, with an orchestrator that serves the records of the test. */
export async function openForTest(env: Record<string, string> = {}): Promise<TestInference> {
  const folder = await mkdtemp(join(tmpdir(), 'box-inference-'));
  await mkdir(join(folder, 'secrets'));
  await writeFile(join(folder, 'secrets', 'box-api-key'), KEY);
  const records = new Map<string, ScenarioRecord>();
  const orchestrator = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://orchestrator');
    const id = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
    if (url.pathname === '/function/orchestrator/scenario') {
      response.end(JSON.stringify([...records.values()].map(({ scenario }) => scenario)));
      return;
    }
    const record = records.get(`${id} ${url.searchParams.get('rev')}`);
    response.writeHead(record ? 200 : 404, { 'content-type': `application/${record ? '' : 'problem+'}json` });
    response.end(JSON.stringify(record ?? {}));
  });
  const gatewayUrl = await listen(orchestrator);
  const opened = await open({
    GATEWAY_URL: gatewayUrl,
    SECRETS_DIR: join(folder, 'secrets'),
    LOG_LEVEL: 'silent',
    MODEL_ROOT: MODELS,
    MODEL_CACHE_DIR: join(folder, 'cache'),
    MODEL_THREADS: '2',
    ...env,
  });
  const call = async (request: Partial<FunctionEvent>) => {
    const headers = { authorization: `Bearer ${KEY}`, ...request.headers };
    return answerOf(opened, { method: 'GET', path: '/', query: {}, body: Buffer.alloc(0), ...request, headers });
  };
  return {
    folder,
    opened,
    records,
    call,
    post: (path, body, headers = {}) =>
      call({
        method: 'POST',
        path,
        body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    async close() {
      await opened.close();
      await new Promise((resolve) => orchestrator.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answerOf(opened: OpenedFunction, event: FunctionEvent): Promise<Answer> {
  let status = 200;
  let headers: Readonly<Record<string, string>> = {};
  let value: unknown;
  const context: FunctionContext = {
    status(code) {
      status = code;
      return context;
    },
    headers(values) {
      headers = { ...headers, ...values };
      return context;
    },
    succeed(sent) {
      value = sent;
      return sent;
    },
    fail(error) {
      throw error;
    },
  };
  await opened.handle(event, context);
  const body = Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return { status, headers, body, json: () => JSON.parse(body.toString('utf8')) };
}

/** Starts a server on a free port; its URL. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export interface StageOptions {
  readonly location: string;
  readonly name?: string;
  readonly inputs?: readonly (readonly [name: string, dtype: string, shape: readonly (number | string | null)[]])[];
  readonly outputs?: readonly (readonly [name: string, dtype: string, shape: readonly (number | string | null)[]])[];
  readonly labels?: readonly string[];
  readonly sha256?: string;
  readonly type?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** An inference stage as a scenario file has it. Labels make it a classification. */
export function stage({
  location,
  name = 'model',
  inputs = [],
  outputs = [],
  labels,
  sha256,
  type = 'ONNX',
  options,
}: StageOptions) {
  const io = (list: NonNullable<StageOptions['inputs']>) =>
    list.map(([data_name, data_type, data_shape]) => ({ data_name, data_type, data_shape }));
  return {
    in_topic: 'features',
    out_topic: 'predictions',
    model_descriptor: {
      model_type: type as 'ONNX',
      model_name: name,
      model_input_info: io(inputs),
      model_output_info: io(outputs),
      ...(labels && { model_class_labels: labels }),
      model_location: location,
      ...(sha256 && { model_sha256: sha256 }),
      ...(options && { model_options: options }),
    },
    pred_type: { prediction_data_type: labels ? ('classificationtype' as const) : ('customtype' as const) },
  };
}

/** A scenario with one inference stage, as the orchestrator hands it out. */
export function record(id: string, rev: string, options: StageOptions): ScenarioRecord {
  return {
    id,
    rev,
    paused: false,
    createdAt: '2026-01-01T00:00:00Z',
    updatedAt: '2026-01-01T00:00:00Z',
    scenario: { scenario_name: id, scenario_definition: { inference_definition: stage(options) } },
  };
}

/** An event with features. */
export function features(id: string, data: Readonly<Record<string, unknown>>) {
  return {
    specversion: '1.0',
    id,
    source: 'sensor-1',
    type: 'thebox.features',
    correlationid: `signal-of-${id}`,
    datacontenttype: 'application/json',
    data: {
      correlation_id: `signal-of-${id}`,
      data_descriptor_name: 'd',
      feature_data: Object.entries(data).map(([feature_name, value]) => ({ feature_name, data: value })),
    },
  };
}

export interface PredictionResult {
  readonly id: string;
  readonly events?: readonly {
    readonly id: string;
    readonly type: string;
    readonly source: string;
    readonly correlationid: string;
    readonly data: { correlation_id: string; prediction_data: Record<string, Record<string, unknown>> };
  }[];
  readonly error?: { readonly code: string; readonly message: string; readonly retry: boolean };
}

/** Sends a batch as the connector does. */
export async function sendBatch(
  inference: TestInference,
  id: string,
  rev: string,
  events: readonly object[],
): Promise<{ status: number; results: PredictionResult[]; problem: { detail: string } }> {
  const answer = await inference.post('/', events, {
    'content-type': 'application/cloudevents-batch+json',
    'box-scenario': id,
    'box-scenario-rev': rev,
    'box-stage': 'inference',
  });
  const body = answer.json() as { results: PredictionResult[]; detail: string };
  return { status: answer.status, results: body.results, problem: body };
}

/** The `prediction_data` of a result that must have gone well. */
export function predictionOf(result: PredictionResult | undefined): Record<string, Record<string, unknown>> {
  const [event] = result?.events ?? [];
  if (event === undefined) throw new Error(`there is no prediction: ${JSON.stringify(result)}`);
  return event.data.prediction_data;
}

/** The data of one output of a result that must have gone well. */
export function dataOf(result: PredictionResult | undefined, output: string): unknown {
  return predictionOf(result)[output]?.data;
}
