import { createServer } from 'node:http';
import { open } from '../../../../functions/inference/handler.ts';
import { serveFunction } from '../../../support/served-function.ts';
import { listen, MODELS, openForTest, stage } from '../support/open-for-test.ts';

/**
 * Serves the test's models for clients in other languages: prints the URL as a line of its own and ends with its
 * standard input.
 *
 *     node test/functions/inference/conformance/serve.ts
 */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  linear: [],
  'linear-fixed': [],
  'every-type': [],
  'iris-numbers': ['setosa', 'versicolor', 'virginica'],
  softmax: ['cat', 'dog', 'bird'],
  sequence: [],
  words: [],
  table: [],
  exp: [],
};

const orchestrator = createServer((_request, response) => {
  const scenarios = Object.entries(NAMES).map(([name, labels]) => {
    return {
      scenario_name: name,
      scenario_definition: { inference_definition: stage({ name, location: `${name}.onnx`, labels }) },
    };
  });
  response.end(JSON.stringify(scenarios));
});
const prepared = await openForTest();
const served = await serveFunction(open, {
  GATEWAY_URL: await listen(orchestrator),
  SECRETS_DIR: `${prepared.folder}/secrets`,
  MODEL_CACHE_DIR: `${prepared.folder}/cache`,
  MODEL_ROOT: process.env.MODEL_ROOT ?? MODELS,
  MODEL_REPOSITORY: process.env.MODEL_REPOSITORY,
  LOG_LEVEL: 'warn',
  ...(process.env.MODEL_THREADS && { MODEL_THREADS: process.env.MODEL_THREADS }),
});
process.stdout.write(`${served.url}\n`);
process.stdin.resume().once('end', async () => {
  await served.close();
  await prepared.close();
  orchestrator.close();
});
