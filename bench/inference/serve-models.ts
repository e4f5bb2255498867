import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Gateway, openGateway } from '../../local/gateway/gateway.ts';
import { type FunctionProcess, startFunction } from '../../local/supervisor/function-process.ts';
import { readStackFile } from '../../local/supervisor/stack-file.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/** The inference function as `npm start` runs it, a gateway before it, and scenarios that name the models. */
export interface ServedModels {
  /** Of the function itself, and of the function behind the gateway. */
  readonly direct: string;
  readonly gateway: string;
  readonly pid: number;
  close(): Promise<void>;
}

/**
 * Serves ONNX files by name.
 *
 * @param models their names; `NAME.onnx` lies in `folder`
 * @param environment variables of the function beside what stack.yml says
 */
export async function serveModels(
  folder: string,
  models: readonly string[],
  key: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServedModels> {
  await mkdir(join(folder, 'secrets'), { recursive: true });
  await writeFile(join(folder, 'secrets', 'box-api-key'), key);
  const scenarios = createServer((_request, response) => response.end(JSON.stringify(models.map(scenarioOf))));
  const definition = (await readStackFile(join(ROOT, 'stack.yml'), {})).find(({ name }) => name === 'inference');
  if (definition === undefined) throw new Error('stack.yml has no function inference');
  const inference = startFunction({
    definition,
    templates: join(ROOT, 'templates'),
    environment: {
      GATEWAY_URL: await listen(scenarios),
      SECRETS_DIR: join(folder, 'secrets'),
      MODEL_ROOT: folder,
      MODEL_CACHE_DIR: join(folder, 'cache'),
      S3_ENDPOINT: '',
      LOG_LEVEL: 'error',
      ...environment,
    },
  });
  await inference.ready;
  const gateway = await openGateway({
    functions: {
      list: () => [inference.deployed],
      find: (name) => (name === 'inference' ? inference.deployed : undefined),
    },
    login: { user: 'admin', password: key },
  });
  return servedBy(inference, gateway, scenarios);
}

function servedBy(inference: FunctionProcess, gateway: Gateway, scenarios: Server): ServedModels {
  return {
    direct: inference.deployed.origin,
    gateway: `${gateway.url}/function/inference`,
    pid: inference.process.pid ?? 0,
    async close() {
      await gateway.close();
      await inference.process.stop();
      scenarios.closeAllConnections();
      scenarios.close();
    },
  };
}

function scenarioOf(name: string): object {
  const model_descriptor = {
    model_type: 'ONNX',
    model_name: name,
    model_input_info: [],
    model_output_info: [],
    model_location: `${name}.onnx`,
  };
  return { scenario_name: name, scenario_definition: { inference_definition: { model_descriptor } } };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
