import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface Verifier {
  readonly url: string;
  close(): Promise<void>;
}

type Answering = (response: ServerResponse) => void;

/** What the gateway and the function behind it answer, by the model's name. */
const ANSWERS: Readonly<Record<string, Answering>> = {
  keystroke: (response) => send(response, 200, { inputs: [], outputs: [], warnings: [] }),
  'other-output': (response) =>
    send(response, 200, {
      inputs: [],
      outputs: [],
      warnings: [{ pointer: '/model_descriptor/model_output_info/0/data_type', message: 'is int64 in the model' }],
    }),
  'other-input': (response) =>
    send(response, 422, {
      code: 'unprocessable',
      detail: 'Cannot use the model: it differs',
      errors: [{ pointer: '/model_descriptor/model_input_info/0/data_name', detail: 'is not an input of the model' }],
    }),
  'no-onnx': (response) => send(response, 422, { code: 'unprocessable', detail: 'Cannot load model: it is not ONNX' }),
  starting: (response) => {
    response.writeHead(500, { 'x-openfaas-internal': 'of-watchdog' });
    response.end();
  },
  'not-deployed': (response) => {
    response.writeHead(404);
    response.end('error finding function inference');
  },
  'hangs-up': (response) => response.destroy(),
  'never-answers': () => undefined,
};

/** A gateway with a function inference behind it that answers as the name of the model says. */
export async function startVerifier(): Promise<Verifier> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url !== '/function/inference/verify' || request.method !== 'POST') return send(response, 404, {});
  const definition = (await json(request)) as { model_descriptor: { model_name: string } };
  const answering = ANSWERS[definition.model_descriptor.model_name];
  if (answering === undefined) return send(response, 500, { detail: 'no such case' });
  answering(response);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
