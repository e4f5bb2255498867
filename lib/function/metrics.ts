import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';

export interface FunctionMetrics {
  readonly registry: Registry;
  request(route: string, status: number, seconds: number): void;
  events(outcome: 'ok' | 'retry' | 'dead', count: number): void;
}

/** Metrics that every function has, in a registry of its own, so that several functions fit one process in a test. */
export function openMetrics(name: string): FunctionMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ function: name });
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'box_request_duration_seconds',
    help: 'Time to answer a request, by route and status.',
    labelNames: ['route', 'status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
    registers: [registry],
  });
  const events = new Counter({
    name: 'box_events_total',
    help: 'Events processed, by outcome: ok, retry (to be tried again), dead (refused for good).',
    labelNames: ['outcome'] as const,
    registers: [registry],
  });
  return {
    registry,
    request: (route, status, seconds) => requests.labels(route, String(status)).observe(seconds),
    events: (outcome, count) => {
      if (count > 0) events.labels(outcome).inc(count);
    },
  };
}
