import { Counter, type Registry } from 'prom-client';
import type { WindowOutcome } from './window-process.ts';

/** Counts what became of signals that add up in windows. */
export function openWindowMetrics(
  registry: Registry,
): (scenario: string, outcome: WindowOutcome, count: number) => void {
  const signals = new Counter({
    name: 'box_window_signals_total',
    help: 'Signals that came for a window, by outcome: counted, late, surplus (more than a slot takes), unwanted (no column is for them).',
    labelNames: ['scenario', 'outcome'] as const,
    registers: [registry],
  });
  return (scenario, outcome, count) => {
    if (count > 0) signals.labels(scenario, outcome).inc(count);
  };
}
