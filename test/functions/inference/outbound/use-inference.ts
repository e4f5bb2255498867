// Runs the inference function as a process of its own, as it is by default, uses it, ends it, and prints what it answered
// and how often something found no way out.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { listen, MODELS, stage } from '../support/open-for-test.ts';
import { sentOut } from './sent-out.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');
const KEY = 'key-of-the-test';

const folder = await mkdtemp(join(tmpdir(), 'box-outbound-'));
const orchestrator = createServer((_request, response) => response.end('[]'));
try {
  await mkdir(join(folder, 'secrets'));
  await writeFile(join(folder, 'secrets', 'box-api-key'), KEY);
  const answers = await useInference(await listen(orchestrator));
  process.stdout.write(JSON.stringify({ answers, ...(process.platform === 'linux' && { sentOut: await sentOut() }) }));
} finally {
  orchestrator.close();
  await rm(folder, { recursive: true });
}

async function useInference(gatewayUrl: string): Promise<number[]> {
  const child = spawn(process.execPath, [join(ROOT, 'templates/box-node/index.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      NODE_OPTIONS: `--import ${import.meta.resolve('./watch-sockets.ts')}`,
      OUTBOUND_FILE: process.env.OUTBOUND_FILE,
      function_path: join(ROOT, 'functions/inference'),
      http_host: '127.0.0.1',
      http_port: '0',
      GATEWAY_URL: gatewayUrl,
      SECRETS_DIR: join(folder, 'secrets'),
      // Where files may lie: no address. One model has to run in a worker thread, one in the main thread.
      MODEL_ROOT: MODELS,
      MODEL_CACHE_DIR: join(folder, 'cache'),
      MODEL_THREADS: '1',
    },
  });
  const ended = once(child, 'exit');
  let url = '';
  for await (const line of createInterface({ input: child.stdout })) {
    const said: unknown = JSON.parse(line);
    if (typeof said !== 'object' || said === null || !('msg' in said)) continue;
    if (said.msg === 'listening' && 'port' in said) url = `http://127.0.0.1:${said.port}`;
    if (said.msg === 'ready') break;
  }
  child.stdout.resume();
  const answers = await callAll(url);
  child.kill('SIGTERM');
  await ended;
  return answers;
}

async function callAll(url: string): Promise<number[]> {
  const answers: number[] = [];
  const call = async (path: string, body?: object) => {
    const response = await fetch(url + path, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    await response.arrayBuffer();
    answers.push(response.status);
  };
  const x = { inputs: [['x', 'float32', [1, 3]]], outputs: [['y', 'float32', [1, 1]]] } as const;
  await call('/verify', stage({ ...x, location: 'linear.onnx', options: { placement: 'worker' } }));
  await call('/verify', stage({ ...x, location: 'linear.onnx', options: { placement: 'main' } }));
  await call('/verify', stage({ ...x, location: 'http://models.example/linear.onnx' }));
  await call('/verify', stage({ ...x, location: 'http://192.0.2.1/linear.onnx' }));
  await call('/verify', stage({ ...x, location: 'ftp://models.example/linear.onnx' }));
  await call('/verify', stage({ ...x, location: 'ftp://192.0.2.1/linear.onnx' }));
  await call('/verify', stage({ ...x, location: 'http://models.example/graph.pb', type: 'TENSORFLOW' }));
  await call('/verify', stage({ ...x, location: 's3://models/linear.onnx' }));
  await call('/v2');
  await call('/v2/repository/index', {});
  await call('/v2/models/nothing/ready');
  await call('/metrics');
  return answers;
}
