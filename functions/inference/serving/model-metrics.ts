import { Counter, Gauge, type Registry } from 'prom-client';
import type { ModelRegistry } from '../model/model-registry.ts';
import type { ModelStats, StatsBook } from './model-stats.ts';

const LABELS = ['model', 'version'] as const;
const NS_PER_US = 1000;

/** Triton's counters by their names there, so that its dashboards fit, each with where it comes from. */
const COUNTERS: readonly (readonly [name: string, help: string, read: (stats: ModelStats) => number])[] = [
  ['nv_inference_request_success', 'Requests that were answered.', (s) => s.success.count],
  ['nv_inference_request_failure', 'Requests that failed.', (s) => s.fail.count],
  ['nv_inference_count', 'Rows that were inferred.', (s) => s.inferenceCount],
  ['nv_inference_exec_count', 'Runs of the model; one may serve many rows.', (s) => s.executionCount],
  ['nv_inference_request_duration_us', 'Time of requests, all in all.', (s) => s.success.ns / NS_PER_US],
  ['nv_inference_queue_duration_us', 'Time that requests waited for their run.', (s) => s.queue.ns / NS_PER_US],
  ['nv_inference_compute_input_duration_us', 'Time for reading inputs.', (s) => s.computeInput.ns / NS_PER_US],
  ['nv_inference_compute_infer_duration_us', 'Time in the model.', (s) => s.computeInfer.ns / NS_PER_US],
  ['nv_inference_compute_output_duration_us', 'Time for writing outputs.', (s) => s.computeOutput.ns / NS_PER_US],
];

const ROWS_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Adds what is known of models to a function's metrics. Everything is read when it is asked for. */
export function registerModelMetrics(registry: Registry, stats: StatsBook, models: ModelRegistry): void {
  const registers = [registry];
  for (const [name, help, read] of COUNTERS) {
    new Counter({
      name,
      help,
      labelNames: LABELS,
      registers,
      collect() {
        this.reset();
        for (const each of stats.list()) this.labels(each.name, each.version).inc(read(each));
      },
    });
  }
  new Counter({
    name: 'box_model_batch_rows_bucket',
    help: 'Runs of the model by their number of rows, as the buckets of a histogram.',
    labelNames: [...LABELS, 'le'] as const,
    registers,
    collect() {
      this.reset();
      for (const { name, version, batches } of stats.list()) {
        for (const bound of ROWS_BUCKETS) this.labels(name, version, String(bound)).inc(runsUpTo(batches, bound));
        this.labels(name, version, '+Inf').inc(runsUpTo(batches, Number.POSITIVE_INFINITY));
      }
    },
  });
  gauge(registry, 'box_model_bytes', 'Memory of a loaded model, as measured.', models, ({ bytes }) => bytes);
  gauge(registry, 'box_model_threads', 'Worker threads that have the model.', models, ({ copies }) => copies);
  gauge(registry, 'nv_inference_pending_request_count', 'Requests that wait for a model.', models, (m) => m.waiting);
  new Gauge({
    name: 'box_models_loaded',
    help: 'Models in memory.',
    registers,
    collect() {
      this.set(models.list().length);
    },
  });
}

function runsUpTo(batches: ModelStats['batches'], rows: number): number {
  let runs = 0;
  for (const [size, { count }] of batches) if (size <= rows) runs += count;
  return runs;
}

function gauge(
  registry: Registry,
  name: string,
  help: string,
  models: ModelRegistry,
  read: (facts: ReturnType<ModelRegistry['list']>[number]) => number,
): void {
  new Gauge({
    name,
    help,
    labelNames: ['hash', 'placement'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const facts of models.list()) this.labels(facts.hash.slice(0, 12), facts.placement).set(read(facts));
    },
  });
}
