import { request } from 'undici';
import { PROBLEM_TYPE } from '../error/problem-details.ts';
import { bareContentType } from '../message/cloud-event.ts';
import { API_KEY_SECRET, type SecretFiles } from '../secret/secret-files.ts';

export interface OrchestratorOptions {
  readonly gatewayUrl: string;
  readonly secrets: SecretFiles;
  /** How long the answer may take (default 10 s). */
  readonly timeoutMs?: number;
}

/**
 * Asks the orchestrator, through the gateway, for a record of the content type `accept`. Undefined where it says that there is none:
 * a 404 without problem details is the gateway's own, to which a function is unknown while it is deployed anew.
 *
 * @throws an Error with the reason when there is no answer, or none that can be used.
 */
export async function askOrchestrator(
  path: string,
  accept: string,
  { gatewayUrl, secrets, timeoutMs = 10_000 }: OrchestratorOptions,
): Promise<unknown> {
  const key = await secrets.read(API_KEY_SECRET);
  const { statusCode, headers, body } = await request(`${gatewayUrl}/function/orchestrator${path}`, {
    headers: { authorization: `Bearer ${key}`, accept },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  const text = await body.text();
  if (statusCode === 404 && bareContentType(String(headers['content-type'])) === PROBLEM_TYPE) return undefined;
  if (statusCode !== 200) throw new Error(`the orchestrator answered ${statusCode}`);
  return JSON.parse(text);
}
