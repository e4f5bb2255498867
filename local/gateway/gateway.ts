import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { LOOPBACK } from '../server/free-port.ts';
import { hasLogin, type Login } from './basic-auth.ts';
import type { DeployedFunction, FunctionTable } from './function-table.ts';
import { NAMESPACE } from './namespace.ts';
import { openProxy, refuse } from './proxy.ts';
import { answerSystem } from './system-api.ts';

export interface GatewayOptions {
  readonly functions: FunctionTable;
  /** Who may ask `/system/…`. Functions authenticate their callers themselves. */
  readonly login: Login;
  /** The port of 127.0.0.1 (default any free one). */
  readonly port?: number;
  /** How long a function may take until its first byte, and between two (default 60 s, as OpenFaaS's). */
  readonly upstreamTimeoutMs?: number;
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  /** Stops listening and cuts what is still in flight. */
  close(): Promise<void>;
}

const DEFAULT_UPSTREAM_TIMEOUT_MS = 60_000;

/** Longer than a client keeps an idle connection, so that a client never writes into one that is being closed. */
const KEEP_ALIVE_MS = 65_000;

/** Opens a gateway that speaks OpenFaaS's REST for functions that run as processes on this machine. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { functions, login } = options;
  const proxy = openProxy({ upstreamTimeoutMs: options.upstreamTimeoutMs ?? DEFAULT_UPSTREAM_TIMEOUT_MS });
  const invocations = new Map<string, number>();
  const inflight = new Map<string, number>();

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { path, search } = splitTarget(request.url ?? '/');
    const cleaned = cleanPath(path);
    if (cleaned !== path) redirect(response, `${cleaned}${search}`);
    else if (path.startsWith('/function/')) invoke(path, search, request, response);
    else if (path.startsWith('/system/')) administer(path, search, request, response);
    else if (path === '/healthz') sendOk(response);
    else refuse(response, 404, 'Not found');
  }

  function invoke(path: string, search: string, request: IncomingMessage, response: ServerResponse): void {
    const [, address = '', rest = '/'] = FUNCTION_PATH.exec(path) ?? [];
    const name = address.endsWith(`.${NAMESPACE}`) ? address.slice(0, -NAMESPACE.length - 1) : address;
    const deployed = functions.find(name);
    if (deployed === undefined) {
      refuse(response, 404, `No such function: ${name}.`);
      return;
    }
    invocations.set(name, (invocations.get(name) ?? 0) + 1);
    if (!takePlace(deployed, response)) {
      refuse(response, 429, `Concurrent request limit exceeded. Max concurrent requests: ${deployed.maxInflight}`);
      return;
    }
    // OpenFaaS's router decodes an escaped slash.
    proxy.forward(deployed, `${rest.replace(/%2f/gi, '/')}${search}`, request, response);
  }

  /** Counts the call among those in flight until it is answered; false when there are as many as may be. */
  function takePlace({ name, maxInflight }: DeployedFunction, response: ServerResponse): boolean {
    const others = inflight.get(name) ?? 0;
    if (maxInflight > 0 && others >= maxInflight) return false;
    inflight.set(name, others + 1);
    response.on('close', () => inflight.set(name, (inflight.get(name) ?? 1) - 1));
    return true;
  }

  function administer(path: string, search: string, request: IncomingMessage, response: ServerResponse): void {
    if (!hasLogin(request, login)) {
      refuse(response, 401, 'invalid credentials', CHALLENGE);
      return;
    }
    const query = new URLSearchParams(search);
    const system = { method: request.method ?? 'GET', path: path.slice('/system/'.length), query };
    answerSystem(system, functions, invocations, response);
  }

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, answer);
  server.listen(options.port ?? 0, LOOPBACK);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP server must have a port');
  return {
    url: `http://${LOOPBACK}:${address.port}`,
    port: address.port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, proxy.close()]);
    },
  };
}

const FUNCTION_PATH = /^\/function\/([^/]+)(\/.*)?$/;

const CHALLENGE = ['WWW-Authenticate', 'Basic realm="Restricted"'];

function sendOk(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end('OK');
}

function splitTarget(target: string): { path: string; search: string } {
  const mark = target.indexOf('?');
  return mark < 0 ? { path: target, search: '' } : { path: target.slice(0, mark), search: target.slice(mark) };
}

/** The path without `//`, `.` and `..`: OpenFaaS's router redirects to it. */
function cleanPath(path: string): string {
  if (!/\/(?:\/|\.)/.test(path)) return path;
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  const slash = /\/\.{0,2}$/.test(path) && kept.length > 0 ? '/' : '';
  return `/${kept.join('/')}${slash}`;
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(301, { Location: location });
  response.end();
}
