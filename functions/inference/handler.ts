import type { Environment } from '#lib/config/config.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { openLog } from '#lib/log/log.ts';
import { readInferenceConfig } from './config.ts';
import { openInference } from './inference.ts';

/** Opens the inference function: features in, predictions out. */
export async function open(env: Environment): Promise<OpenedFunction> {
  const config = readInferenceConfig(env);
  return openInference(config, openLog('inference', config.logLevel));
}
