import { createReadStream } from 'node:fs';
import { request } from 'undici';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { API_KEY_SECRET, type SecretFiles } from '#lib/secret/secret-files.ts';
import type { CachedFile } from '../source/model-cache.ts';

/** What goes into a graph and what comes out, by the names that the model shall have. */
export interface GraphTensors {
  readonly inputs: readonly GraphTensor[];
  readonly outputs: readonly GraphTensor[];
}

export interface GraphTensor {
  readonly name: string;
  /** Counts for an input whose number of dimensions the graph leaves open. */
  readonly shape: readonly (number | string | null)[];
}

/** Makes ONNX models of TensorFlow's frozen graphs. */
export interface GraphConverter {
  /** Whether there is one here. */
  isDeployed(): Promise<boolean>;
  /**
   * The model's bytes.
   *
   * @throws BoxError `not_implemented` where nothing here converts graphs, `unprocessable` for a graph that cannot be converted, `too_large`, `unavailable` while the converter
   *   is started, `deadline_exceeded`
   */
  convert(graph: CachedFile, tensors: GraphTensors): Promise<Buffer>;
}

export interface GraphConverterOptions {
  readonly gatewayUrl: string;
  readonly secrets: SecretFiles;
}

/** Less than the gateway's 60 s, so that the caller gets our words. */
const TIMEOUT_MS = 58_000;
const RETRY_SECONDS = 10;
/** The gateway's answer for a function that is not there. */
const NOT_DEPLOYED = 404;

/** Has the function `converter` do it, which is deployed by those who need it: stack.converter.yml. */
export function openGatewayConverter({ gatewayUrl, secrets }: GraphConverterOptions): GraphConverter {
  const url = `${gatewayUrl}/function/converter/`;
  return {
    async isDeployed() {
      const { statusCode, body } = await request(`${url}healthz`).catch(unreachable);
      await body.dump();
      return statusCode !== NOT_DEPLOYED;
    },
    async convert(graph, tensors) {
      const { status, bytes } = await ask(`${url}?${queryOf(tensors)}`, graph, secrets);
      if (status === 200) return bytes;
      if (status === NOT_DEPLOYED) throw notDeployed();
      throw refusal(status, detailOf(bytes.toString('utf8').trim()));
    },
  };
}

async function ask(
  url: string,
  graph: CachedFile,
  secrets: SecretFiles,
): Promise<{ readonly status: number; readonly bytes: Buffer }> {
  const key = await secrets.read(API_KEY_SECRET);
  try {
    const { statusCode, body } = await request(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/octet-stream',
        'content-length': String(graph.bytes),
      },
      body: createReadStream(graph.path),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    return { status: statusCode, bytes: Buffer.from(await body.arrayBuffer()) };
  } catch (cause) {
    const slow = cause instanceof Error && 'code' in cause && cause.code === 'UND_ERR_HEADERS_TIMEOUT';
    if (slow) throw new BoxError('deadline_exceeded', `Cannot convert graph: it must be done in ${TIMEOUT_MS} ms`);
    return unreachable(cause);
  }
}

function unreachable(cause: unknown): never {
  const reason = `the gateway must answer for the function converter: ${errorText(cause)}`;
  throw new BoxError('unavailable', `Cannot convert graph: ${reason}`, { cause, retryAfterSeconds: RETRY_SECONDS });
}

/** The error where nothing here converts graphs. */
export function notDeployed(cause?: unknown): BoxError {
  return new BoxError('not_implemented', 'Cannot convert graph: the function converter is not deployed', { cause });
}

function queryOf({ inputs, outputs }: GraphTensors): URLSearchParams {
  const size = (dimension: number | string | null) =>
    typeof dimension === 'number' && dimension >= 0 ? String(dimension) : '?';
  return new URLSearchParams([
    ...inputs.map(({ name, shape }) => ['input', `${name}[${shape.map(size).join(',')}]`] as [string, string]),
    ...outputs.map(({ name }) => ['output', name] as [string, string]),
  ]);
}

/** What the function says, or the gateway in its place. */
function detailOf(said: string): string {
  try {
    const problem: unknown = JSON.parse(said);
    const isProblem = typeof problem === 'object' && problem !== null && 'detail' in problem;
    return isProblem ? String(problem.detail) : said;
  } catch (error) {
    if (error instanceof SyntaxError) return said;
    throw error;
  }
}

function refusal(status: number, said: string): BoxError {
  const text = said.startsWith('Cannot')
    ? said
    : `Cannot convert graph: the function converter answered ${status}: ${said}`;
  if (status === 400 || status === 422) return new BoxError('unprocessable', text);
  if (status === 413) return new BoxError('too_large', text);
  if (status === 504) return new BoxError('deadline_exceeded', text);
  return new BoxError('unavailable', text, { retryAfterSeconds: RETRY_SECONDS });
}
