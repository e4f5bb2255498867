import type { BoxError } from '#lib/error/box-error.ts';
import { HTTP_STATUS } from '#lib/error/http-status.ts';
import { type FunctionRequest, type FunctionResponse, parseJson, type Route } from '#lib/function/route.ts';
import type { LoadedModel } from '../model/loaded-model.ts';
import { freeOutputs } from '../model/onnx/free-bytes.ts';
import type { Catalog } from '../serving/catalog.ts';
import type { LoadOverrides } from '../serving/load-overrides.ts';
import type { StatsBook } from '../serving/model-stats.ts';
import type { ServedModel } from '../serving/served-model.ts';
import { readInferRequest } from './infer-request.ts';
import { writeInferResponse } from './infer-response.ts';
import { readLoadParameters } from './load-parameters.ts';
import { modelConfig, modelMetadata, modelStatistics, SERVER } from './metadata.ts';
import { splitBody } from './request-body.ts';

export interface ProtocolOptions {
  readonly catalog: Catalog;
  readonly overrides: LoadOverrides;
  readonly stats: StatsBook;
  readonly version: string;
}

/** The Open Inference Protocol v2 over REST, with the extensions of Triton's that its client uses. */
export function protocolRoutes({ catalog, overrides, stats, version }: ProtocolOptions): Route[] {
  const onModel = (
    suffix: string,
    method: Route['method'],
    handle: (request: FunctionRequest, name: string, version: string | undefined) => Promise<FunctionResponse>,
  ): Route[] =>
    [`/v2/models/:model${suffix}`, `/v2/models/:model/versions/:version${suffix}`].map((path) => ({
      method,
      path,
      handle: (request) => handle(request, request.params.model ?? '', request.params.version),
    }));
  return [
    { method: 'GET', path: '/v2', handle: async () => ok({ ...SERVER, version }) },
    { method: 'GET', path: '/v2/health/live', access: 'open', handle: async () => ok({ live: true }) },
    { method: 'GET', path: '/v2/health/ready', access: 'open', handle: async () => ok({ ready: true }) },
    ...onModel('', 'GET', async (_request, name, wanted) => {
      const versions = await catalog.versions(name);
      return catalog.use(name, wanted, async (model, served) => ok(modelMetadata(served, versions, model)));
    }),
    ...onModel('/ready', 'GET', (_request, name, wanted) =>
      catalog.use(name, wanted, async () => ok({ name, ready: true })),
    ),
    ...onModel('/config', 'GET', (_request, name, wanted) =>
      catalog.use(name, wanted, async (model, served) => ok(modelConfig(served, model))),
    ),
    ...onModel('/stats', 'GET', async (_request, name, wanted) => {
      const served = await catalog.find(name, wanted);
      return ok({ model_stats: [modelStatistics(stats.of(name, served.version))] });
    }),
    {
      method: 'GET',
      path: '/v2/models/stats',
      handle: async () => ok({ model_stats: stats.list().map(modelStatistics) }),
    },
    ...onModel('/infer', 'POST', (request, name, wanted) =>
      catalog.use(name, wanted, (model, served) => infer(request, model, served, stats)),
    ),
    {
      method: 'POST',
      path: '/v2/repository/index',
      async handle(request) {
        const list = await catalog.list();
        return ok(readyOnly(request) ? list.filter(({ state }) => state === 'READY') : list);
      },
    },
    {
      method: 'POST',
      path: '/v2/repository/models/:model/load',
      async handle({ params, body }) {
        const name = params.model ?? '';
        // What did not load is taken back: nobody is to see it in the list that was read meanwhile.
        await overrides
          .replace(name, readLoadParameters(body), () => catalog.load(name))
          .finally(() => catalog.refresh());
        return ok({});
      },
    },
    ...['', '/versions/:version'].map(
      (version): Route => ({
        method: 'POST',
        path: `/v2/repository/models/:model${version}/verify`,
        handle: ({ params }) => verify(catalog, params.model ?? '', params.version),
      }),
    ),
    {
      method: 'POST',
      path: '/v2/repository/models/:model/unload',
      async handle({ params }) {
        await catalog.unload(params.model ?? '');
        overrides.drop(params.model ?? '');
        catalog.refresh();
        return ok({});
      },
    },
  ];
}

/** An error in the protocol's own form; undefined for requests that are not of the protocol. */
export function protocolError(error: BoxError, request: FunctionRequest): FunctionResponse | undefined {
  if (!request.path.startsWith('/v2')) return undefined;
  return {
    status: HTTP_STATUS[error.code],
    headers: {
      'content-type': 'application/json',
      ...(error.retryAfterSeconds !== undefined && { 'retry-after': String(Math.ceil(error.retryAfterSeconds)) }),
    },
    body: { error: error.message },
  };
}

/** Loads a model as `load` does, any version of it, and tells what passed; no part of the protocol. */
async function verify(catalog: Catalog, name: string, version: string | undefined): Promise<FunctionResponse> {
  const loaded = await catalog.load(name, version);
  return catalog.use(name, loaded.version, async (model, served) => {
    const { inputs, outputs } = modelMetadata(served, [served.version], model);
    return ok({ name, version: served.version, golden_samples: served.golden.length, inputs, outputs });
  });
}

async function infer(
  request: FunctionRequest,
  model: LoadedModel,
  served: ServedModel,
  stats: StatsBook,
): Promise<FunctionResponse> {
  const { name, version } = served;
  const started = performance.now();
  try {
    const body = await splitBody(request);
    const asked = readInferRequest(body, model.signature);
    // The tensors have memory of their own.
    body.release();
    const rows = asked.inputs[0]?.shape[0] ?? 1;
    const read = performance.now();
    const result = await model.submit(asked.inputs, asked.sequence);
    const ran = performance.now();
    const { signature } = model;
    const response = writeInferResponse(asked, {
      name,
      version,
      labels: served.labels,
      signature,
      outputs: result.outputs,
    });
    freeOutputs(result.outputs);
    const done = performance.now();
    stats.served(name, version, {
      rows,
      result,
      inputMs: read - started,
      outputMs: done - ran,
      totalMs: done - started,
    });
    return response;
  } catch (error) {
    stats.failed(name, version, performance.now() - started);
    throw error;
  }
}

function ok(body: object): FunctionResponse {
  return { status: 200, body };
}

/** The index's body may be empty, or `{ "ready": true }` for the models that can be used now. */
function readyOnly(request: FunctionRequest): boolean {
  if (request.body.length === 0) return false;
  const body = parseJson(request.body);
  return typeof body === 'object' && body !== null && 'ready' in body && body.ready === true;
}
