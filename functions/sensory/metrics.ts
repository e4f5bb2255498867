import { Counter, Gauge, Histogram } from 'prom-client';
import { type FunctionMetrics, openMetrics } from '#lib/function/metrics.ts';

export interface SensoryMetrics {
  readonly base: FunctionMetrics;
  stored(): void;
  drawn(by: 'request' | 'order' | 'stream', samples: number): void;
  ordered(): void;
  tended(what: 'listed' | 'packed' | 'merged', dataset: string, count: number, seconds: number): void;
}

/** The metrics of the function: what every function has, and what is stored, drawn, ordered, listed and packed. */
export function openSensoryMetrics(): SensoryMetrics {
  const base = openMetrics('sensory');
  const registers = [base.registry];
  const stored = new Counter({ name: 'box_samples_stored_total', help: 'Samples stored.', registers });
  const drawn = new Counter({
    name: 'box_samples_drawn_total',
    help: 'Samples handed out, by way: request, order (onto a queue or into files), stream.',
    labelNames: ['by'] as const,
    registers,
  });
  const ordered = new Counter({ name: 'box_orders_total', help: 'Orders taken.', registers });
  const listed = new Gauge({
    name: 'box_dataset_objects',
    help: 'Objects found at the last listing of a dataset.',
    labelNames: ['dataset'] as const,
    registers,
  });
  const packed = new Counter({
    name: 'box_samples_packed_total',
    help: 'Samples packed into shards.',
    labelNames: ['dataset'] as const,
    registers,
  });
  const seconds = new Histogram({
    name: 'box_dataset_tending_seconds',
    help: 'Time of a listing, of packing a shard or of merging shards.',
    labelNames: ['what'] as const,
    buckets: [0.01, 0.1, 0.5, 1, 5, 15, 60],
    registers,
  });
  return {
    base,
    stored: () => stored.inc(),
    drawn: (by, samples) => drawn.labels(by).inc(samples),
    ordered: () => ordered.inc(),
    tended(what, dataset, count, took) {
      if (what === 'listed') listed.labels(dataset).set(count);
      else if (what === 'packed') packed.labels(dataset).inc(count);
      seconds.labels(what).observe(took);
    },
  };
}
