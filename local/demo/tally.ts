/** What one image came to. */
export interface Seen {
  readonly label: string;
  readonly expected: string;
  readonly probability: number;
  readonly latencyMs: number;
}

/** What a run of the demo came to. */
export interface Summary {
  readonly sent: number;
  readonly notified: number;
  /** Sent, but no notification came. */
  readonly lost: number;
  /** Notifications that came more than once for the same image. */
  readonly repeated: number;
  /** Of those notified, the share that was read rightly, 0 to 1. */
  readonly accuracy: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Sent {
  readonly expected: string;
  readonly sentAt: number;
}

interface Notified {
  readonly label: string;
  readonly probability: number;
  readonly at: number;
}

/** Brings what was sent and what was notified together by correlation id. */
export class Tally {
  readonly #sent = new Map<string, Sent>();
  readonly #seen = new Map<string, Seen>();
  #repeated = 0;
  readonly #onSeen: (seen: Seen) => void;

  /** `onSeen` is told of each image once it is known what it was read as. */
  constructor(onSeen: (seen: Seen) => void) {
    this.#onSeen = onSeen;
  }

  sent(correlationId: string, expected: string, sentAt: number): void {
    this.#sent.set(correlationId, { expected, sentAt });
  }

  /** What others have sent to the same scenario is passed over. */
  notified(correlationId: string, { label, probability, at }: Notified): void {
    const sent = this.#sent.get(correlationId);
    if (sent === undefined) return;
    if (this.#seen.has(correlationId)) {
      this.#repeated += 1;
      return;
    }
    const seen = { label, probability, expected: sent.expected, latencyMs: at - sent.sentAt };
    this.#seen.set(correlationId, seen);
    this.#onSeen(seen);
  }

  /** How many images were sent whose notification has not come yet. */
  get missing(): number {
    return this.#sent.size - this.#seen.size;
  }

  summary(): Summary {
    const seen = [...this.#seen.values()];
    const latencies = seen.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
    const right = seen.filter(({ label, expected }) => label === expected).length;
    return {
      sent: this.#sent.size,
      notified: seen.length,
      lost: this.missing,
      repeated: this.#repeated,
      accuracy: seen.length === 0 ? 0 : right / seen.length,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
    };
  }
}

/** The smallest value that at least that share of the sorted values does not exceed; 0 of none. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
