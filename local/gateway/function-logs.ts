import type { ServerResponse } from 'node:http';
import type { LogLine } from '../server/log-buffer.ts';
import type { DeployedFunction } from './function-table.ts';
import { NAMESPACE } from './namespace.ts';

/**
 * Answers OpenFaaS's log query as one JSON object a line: the last `tail` lines (all that are kept when it is left out or
 * negative), those from `since` on, and with `follow` what is printed until the caller goes.
 */
export function sendLogs(target: DeployedFunction, query: URLSearchParams, response: ServerResponse): void {
  const tail = Number(query.get('tail') ?? -1);
  const since = Date.parse(query.get('since') ?? '');
  const lines = target.log.last(tail >= 0 ? tail : Number.POSITIVE_INFINITY);
  const write = (line: LogLine): boolean => response.write(`${JSON.stringify(logMessage(target.name, line))}\n`);

  response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
  for (const line of lines) {
    if (Number.isNaN(since) || line.time.getTime() >= since) write(line);
  }
  if (!isTrue(query.get('follow'))) {
    response.end();
    return;
  }
  response.flushHeaders();
  const unfollow = target.log.follow(write);
  response.on('close', unfollow);
}

function logMessage(name: string, { time, text }: LogLine): object {
  return { name, namespace: NAMESPACE, instance: `${name}-1`, timestamp: time.toISOString(), text };
}

/** As Go's strconv.ParseBool, which OpenFaaS reads it with, for what its clients send. */
function isTrue(text: string | null): boolean {
  return text === '1' || text === 'true';
}
