import type { RuntimeConfig } from './config.ts';
import type { Handler, LoadedFunction } from './contract.ts';
import { RuntimeMetrics } from './metrics.ts';
import { decompress, isJson, mediaType, parseBody } from './parsed-body.ts';

/** A function written for the official OpenFaaS node templates: parsed bodies, errors as text, and metrics of the runtime. */
export function openfaasFunction(handler: Handler, config: RuntimeConfig): LoadedFunction {
  const metrics = new RuntimeMetrics();
  const limit = (type: string): number => {
    if (config.rawBody) return config.maxRawBytes;
    return isJson(type) ? config.maxJsonBytes : config.maxBodyBytes;
  };
  const parse = config.rawBody ? (bytes: Buffer): unknown => bytes : parseBody;
  return {
    contract: 'openfaas',
    // What the official templates answer strings with; functions that return HTML count on it.
    textType: 'text/html; charset=utf-8',
    handler,
    bodyLimit: (headers) => limit(mediaType(headers)),
    readBody(raw, headers) {
      headers['content-type'] ||= 'text/plain';
      if (raw === undefined) return undefined;
      const encoding = headers['content-encoding'] ?? 'identity';
      if (encoding === 'identity') return parse(raw, headers);
      return decompress(raw, encoding, limit(mediaType(headers))).then((bytes) => parse(bytes, headers));
    },
    observe: (status, seconds) => metrics.observe(status, seconds),
    health: async () => undefined,
    metrics: async () => metrics.text(),
    close: async () => metrics.close(),
  };
}
