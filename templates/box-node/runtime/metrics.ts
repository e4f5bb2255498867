import { monitorEventLoopDelay } from 'node:perf_hooks';

const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/**
 * Process and request figures in Prometheus text, for functions that bring no metrics of their own.
 * Names as prom-client and Prometheus's client guidelines have them, so that one dashboard fits all functions.
 */
export class RuntimeMetrics {
  readonly #requests = new Map<number, number>();
  readonly #buckets = new Array<number>(BUCKETS.length).fill(0);
  #count = 0;
  #seconds = 0;
  readonly #lag = monitorEventLoopDelay({ resolution: 20 });

  constructor() {
    this.#lag.enable();
  }

  /** Counts an answered call. */
  observe(status: number, seconds: number): void {
    this.#requests.set(status, (this.#requests.get(status) ?? 0) + 1);
    this.#count += 1;
    this.#seconds += seconds;
    for (const [index, bound] of BUCKETS.entries()) {
      if (seconds <= bound) this.#buckets[index] = (this.#buckets[index] ?? 0) + 1;
    }
  }

  text(): string {
    return [...this.#processLines(), ...this.#requestLines(), ''].join('\n');
  }

  close(): void {
    this.#lag.disable();
  }

  #processLines(): string[] {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    return [
      ...metric('process_cpu_seconds_total', 'counter', 'CPU time spent.', (cpu.user + cpu.system) / 1e6),
      ...metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', memory.rss),
      ...metric('process_start_time_seconds', 'gauge', 'Start, in seconds since 1970.', performance.timeOrigin / 1e3),
      ...metric('nodejs_heap_size_used_bytes', 'gauge', 'Heap in use.', memory.heapUsed),
      ...metric('nodejs_heap_size_total_bytes', 'gauge', 'Heap held.', memory.heapTotal),
      ...metric('nodejs_external_memory_bytes', 'gauge', 'Memory outside of the heap.', memory.external),
      ...metric(
        'nodejs_eventloop_lag_p99_seconds',
        'gauge',
        'Delay of the event loop.',
        this.#lag.percentile(99) / 1e9,
      ),
      '# HELP nodejs_version_info Node.js version.',
      '# TYPE nodejs_version_info gauge',
      `nodejs_version_info{version="${process.version}"} 1`,
    ];
  }

  #requestLines(): string[] {
    const name = 'function_request_duration_seconds';
    return [
      '# HELP function_requests_total Answered calls by status.',
      '# TYPE function_requests_total counter',
      ...[...this.#requests].map(([status, count]) => `function_requests_total{status="${status}"} ${count}`),
      `# HELP ${name} Time from the last byte of the request to the first of the answer.`,
      `# TYPE ${name} histogram`,
      ...BUCKETS.map((bound, index) => `${name}_bucket{le="${bound}"} ${this.#buckets[index]}`),
      `${name}_bucket{le="+Inf"} ${this.#count}`,
      `${name}_sum ${this.#seconds}`,
      `${name}_count ${this.#count}`,
    ];
  }
}

function metric(name: string, type: 'counter' | 'gauge', help: string, value: number): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name} ${value}`];
}
