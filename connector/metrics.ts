import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type CountRefusal, refusalCounter } from '#lib/source/refusals.ts';
import type { Reply } from './function-reply.ts';

export interface ConnectorMetrics {
  readonly registry: Registry;
  call(functionName: string, outcome: Reply['kind'], events: number, seconds: number): void;
  /** A call was given up because the process that had it is gone. */
  lostCall(functionName: string): void;
  done(scenario: string, stage: string, ok: number, dead: number): void;
  trouble(scenario: string, stage: string, code: string): void;
  stagesRunning(count: number): void;
  trimmed(messages: number): void;
  readonly refused: CountRefusal;
  /** A task of a RabbitMQ queue was done with. */
  task(queue: string, outcome: 'ok' | 'retry' | 'dead'): void;
}

/** The connector's metrics, in a registry of their own. */
export function openConnectorMetrics(): ConnectorMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const calls = new Histogram({
    name: 'box_connector_call_duration_seconds',
    help: 'Time of a call of a function, by what it came to: results, plain, away, failed, refused.',
    labelNames: ['function', 'outcome'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
    registers,
  });
  const batches = new Histogram({
    name: 'box_connector_batch_events',
    help: 'Events in a call of a function.',
    labelNames: ['function'] as const,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    registers,
  });
  const lostCalls = new Counter({
    name: 'box_connector_lost_calls_total',
    help: 'Calls that were given up and made again because the process that had them is gone.',
    labelNames: ['function'] as const,
    registers,
  });
  const events = new Counter({
    name: 'box_connector_events_total',
    help: 'Messages that were done with, by outcome: ok, or dead (put among the dead letters).',
    labelNames: ['scenario', 'stage', 'outcome'] as const,
    registers,
  });
  const troubles = new Counter({
    name: 'box_connector_troubles_total',
    help: 'What made a stage try again, by the code of the error; storage_full is a full stream.',
    labelNames: ['scenario', 'stage', 'code'] as const,
    registers,
  });
  const stages = new Gauge({ name: 'box_connector_stages', help: 'Stages that are worked on.', registers });
  const trimmed = new Counter({
    name: 'box_connector_trimmed_messages_total',
    help: 'Messages that were processed, were beyond the history that is kept, and were dropped.',
    registers,
  });
  const tasks = new Counter({
    name: 'box_connector_tasks_total',
    help: 'Tasks of RabbitMQ queues, by outcome: ok, retry, or dead.',
    labelNames: ['queue', 'outcome'] as const,
    registers,
  });
  return {
    registry,
    call(functionName, outcome, count, seconds) {
      calls.labels(functionName, outcome).observe(seconds);
      batches.labels(functionName).observe(count);
    },
    lostCall: (functionName) => lostCalls.labels(functionName).inc(),
    done(scenario, stage, ok, dead) {
      if (ok > 0) events.labels(scenario, stage, 'ok').inc(ok);
      if (dead > 0) events.labels(scenario, stage, 'dead').inc(dead);
    },
    trouble: (scenario, stage, code) => troubles.labels(scenario, stage, code).inc(),
    stagesRunning: (count) => stages.set(count),
    trimmed: (messages) => trimmed.inc(messages),
    refused: refusalCounter(registry),
    task: (queue, outcome) => tasks.labels(queue, outcome).inc(),
  };
}
