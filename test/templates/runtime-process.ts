import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { guarded } from '../support/guarded.ts';

export const TEMPLATE = join(import.meta.dirname, '../../templates/box-node');
export const FIXTURES = join(import.meta.dirname, 'fixtures');

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The caller's own port, which tells connections apart. */
  readonly localPort: number | undefined;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** A runtime in a process of its own, as the watchdog starts it. */
export class RuntimeProcess {
  readonly child: ChildProcess;
  readonly lines: Record<string, unknown>[] = [];
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #waiting = new Set<() => void>();
  #hasEnded = false;

  constructor(functionPath: string, environment: Readonly<Record<string, string>> = {}, entry?: string) {
    const child = spawn(process.execPath, [entry ?? join(TEMPLATE, 'index.ts')], {
      env: { PATH: process.env.PATH, http_port: '0', function_path: functionPath, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child = guarded(child);
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream) createInterface(stream).on('line', (line) => this.#onLine(line));
    }
    // With all that it has said: its streams are read to their end.
    this.child.once('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  /** Waits for a log line with this message, from the start on. */
  async logged(msg: string): Promise<Record<string, unknown>> {
    for (;;) {
      const line = this.lines.find((entry) => entry.msg === msg);
      if (line) return line;
      if (this.#hasEnded) throw new Error(`It ended without "${msg}": ${JSON.stringify(this.lines)}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
    }
  }

  /** Waits until so many lines with this message were logged. */
  async loggedTimes(msg: string, times: number): Promise<void> {
    while (this.lines.filter((entry) => entry.msg === msg).length < times) {
      if (this.#hasEnded) throw new Error(`It ended without "${msg}"`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
    }
  }

  async port(): Promise<number> {
    return Number((await this.logged('listening')).port);
  }

  async call(path: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<Answer> {
    const port = await this.port();
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: this.agent });
    outgoing.end(body);
    const [incoming] = await once(outgoing, 'response');
    const localPort: number | undefined = incoming.socket.localPort;
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    return { status: incoming.statusCode, headers: incoming.headers, body: Buffer.concat(chunks), localPort };
  }

  async post(path: string, body: string | Buffer, type: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call(path, { method: 'POST', body, headers: { 'Content-Type': type, ...headers } });
  }

  /** Ends the process without waiting for it to finish anything. */
  async kill(): Promise<void> {
    this.agent.destroy();
    this.child.kill('SIGKILL');
    await this.exited;
  }

  #onLine(line: string): void {
    const isJson = line.startsWith('{') && line.endsWith('}');
    this.lines.push(isJson ? JSON.parse(line) : { text: line });
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export function json(answer: Answer): unknown {
  return JSON.parse(answer.body.toString());
}
