import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BoxError } from '#lib/error/box-error.ts';
import { HTTP_STATUS } from '#lib/error/http-status.ts';
import { PROBLEM_TYPE, problemDetails } from '#lib/error/problem-details.ts';

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface HealthServerParts {
  readonly port: number;
  /** Rejects with the reason when the process cannot do its work. */
  readonly health: () => Promise<void>;
  /** The metrics in Prometheus text format. */
  readonly metrics: () => Promise<string>;
}

/** Serves `/healthz` and `/metrics`. */
export async function openHealthServer(parts: HealthServerParts): Promise<HealthServer> {
  const server = createServer((request, response) => {
    answer(request.url ?? '/', response, parts).catch((error: unknown) => refuse(response, BoxError.from(error)));
  });
  await listening(server, parts.port);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(url: string, response: ServerResponse, parts: HealthServerParts): Promise<void> {
  const path = url.split('?', 1)[0];
  if (path === '/healthz') {
    await parts.health();
    response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
  } else if (path === '/metrics') {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(await parts.metrics());
  } else throw new BoxError('not_found', `Cannot find ${path}: there are /healthz and /metrics`);
}

function refuse(response: ServerResponse, error: BoxError): void {
  response
    .writeHead(HTTP_STATUS[error.code], { 'content-type': PROBLEM_TYPE })
    .end(JSON.stringify(problemDetails(error)));
}
