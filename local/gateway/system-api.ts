import type { ServerResponse } from 'node:http';
import { arch } from 'node:os';
import { sendLogs } from './function-logs.ts';
import type { DeployedFunction, FunctionTable } from './function-table.ts';
import { NAMESPACE } from './namespace.ts';
import { refuse } from './proxy.ts';

export interface SystemRequest {
  readonly method: string;
  /** The path below `/system/`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/** What OpenFaaS's clients show of a machine's kind: Linux's names. */
const ARCH_NAMES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

const READ_ONLY =
  'This gateway runs the functions of stack.yml on one machine and takes no deployments: change stack.yml and start it again, or deploy to faasd or OpenFaaS.';

/** Answers OpenFaaS's `/system/…`: what can be read; whatever would change something is 501. */
export function answerSystem(
  { method, path, query }: SystemRequest,
  functions: FunctionTable,
  invocations: ReadonlyMap<string, number>,
  response: ServerResponse,
): void {
  const inNamespace = (query.get('namespace') || NAMESPACE) === NAMESPACE;
  const status = (deployed: DeployedFunction): object => functionStatus(deployed, invocations.get(deployed.name) ?? 0);

  function withFunction(name: string, answer: (deployed: DeployedFunction) => void): void {
    const deployed = inNamespace ? functions.find(name) : undefined;
    if (deployed === undefined) refuse(response, 404, `No such function: ${name}.`);
    else answer(deployed);
  }

  if (method !== 'GET' && method !== 'HEAD') refuse(response, 501, READ_ONLY);
  else if (path === 'info') sendJson(response, gatewayInfo());
  else if (path === 'namespaces') sendJson(response, [NAMESPACE]);
  else if (path === 'functions') sendJson(response, inNamespace ? functions.list().map(status) : []);
  else if (path === 'logs') withFunction(query.get('name') ?? '', (deployed) => sendLogs(deployed, query, response));
  else if (path.startsWith('function/')) {
    withFunction(path.slice('function/'.length), (deployed) => sendJson(response, status(deployed)));
  } else refuse(response, 501, READ_ONLY);
}

function sendJson(response: ServerResponse, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function functionStatus(deployed: DeployedFunction, invocationCount: number): object {
  const { name, image, process, labels, annotations, secrets, createdAt, available } = deployed;
  return {
    name,
    image,
    namespace: NAMESPACE,
    envProcess: process,
    labels,
    annotations,
    secrets,
    createdAt: createdAt.toISOString(),
    invocationCount,
    replicas: 1,
    availableReplicas: available ? 1 : 0,
  };
}

function gatewayInfo(): object {
  const version = { release: 'local', sha: '' };
  return {
    provider: { provider: 'thebox-local', orchestration: 'processes', version },
    version: { ...version, commit_message: '' },
    arch: ARCH_NAMES[arch()] ?? arch(),
  };
}
