import { request } from 'undici';
import { BoxError, errorText, type Problem } from '#lib/error/box-error.ts';
import type { InferenceDefinition } from '#lib/scenario/scenario.ts';
import { API_KEY_SECRET, type SecretFiles } from '#lib/secret/secret-files.ts';
import type { ModelVerifier } from './model-verifier.ts';

export interface GatewayModelVerifierOptions {
  readonly gatewayUrl: string;
  readonly secrets: SecretFiles;
  readonly timeoutMs: number;
}

/** Has the inference function verify models: ONNX Runtime is in that function alone. */
export function openGatewayModelVerifier(options: GatewayModelVerifierOptions): ModelVerifier {
  return {
    async verify(definition) {
      const { status, body } = await ask(definition, options);
      if (status === 200) return { problems: [], warnings: problemList(body.warnings, 'message') };
      const detail = typeof body.detail === 'string' ? body.detail : undefined;
      if (!isRefusal(status, body)) {
        throw unavailable(`it answered ${status}${detail === undefined ? '' : ` (${detail})`}`);
      }
      const problems = problemList(body.errors, 'detail');
      if (problems.length > 0) return { problems, warnings: [] };
      return { problems: [{ pointer: '/model_descriptor', message: detail ?? 'was refused' }], warnings: [] };
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(definition: InferenceDefinition, options: GatewayModelVerifierOptions): Promise<Answer> {
  const key = await options.secrets.read(API_KEY_SECRET);
  const signal = AbortSignal.timeout(options.timeoutMs);
  try {
    const response = await request(`${options.gatewayUrl}/function/inference/verify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(definition),
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      signal,
    });
    return { status: response.statusCode, body: readRecord(await response.body.text()) };
  } catch (cause) {
    throw unavailable(signal.aborted ? `it did not within ${options.timeoutMs} ms` : errorText(cause), cause);
  }
}

/** Whether the function itself says that the definition is at fault, and not the moment, the key or the gateway. */
function isRefusal(status: number, body: Answer['body']): boolean {
  return [400, 413, 415, 422, 501].includes(status) && typeof body.code === 'string';
}

function readRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    return record(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function problemList(list: unknown, member: 'message' | 'detail'): Problem[] {
  if (!Array.isArray(list)) return [];
  return list.map(record).map((item) => ({ pointer: String(item.pointer ?? ''), message: String(item[member] ?? '') }));
}

function unavailable(why: string, cause?: unknown): BoxError {
  return new BoxError('unavailable', `Cannot verify the model: the function inference must do it, but ${why}`, {
    cause,
    retryAfterSeconds: 5,
  });
}
