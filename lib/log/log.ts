import { type Logger, pino } from 'pino';

export type Log = Logger;

/** A log that writes one JSON object a line to standard output, where OpenFaaS collects it. Keys and secrets are masked. */
export function openLog(name: string, level = 'info'): Log {
  return pino({
    name,
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['headers.authorization', 'headers["api-access-key"]', 'key', 'secret', 'password'],
  });
}
