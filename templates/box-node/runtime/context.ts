/** How a call ended. */
export interface Outcome {
  readonly kind: 'succeeded' | 'failed' | 'thrown';
  readonly value: unknown;
}

/** The `context` of the official OpenFaaS node templates, and `signal`, which aborts when the caller has hung up. */
export class FunctionContext {
  /** The first answer; later ones are ignored, as nothing can be done with them. */
  readonly outcome: Promise<Outcome>;
  #resolve: (outcome: Outcome) => void;
  #settled = false;
  #status = 200;
  #headers: Record<string, unknown> = {};
  #abort: AbortController | undefined;
  #abandoned = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.outcome = promise;
    this.#resolve = resolve;
  }

  status(): number;
  status(code: number): this;
  status(code?: number): number | this {
    if (!code) return this.#status;
    this.#status = code;
    return this;
  }

  headers(): Record<string, unknown>;
  headers(values: Record<string, unknown>): this;
  headers(values?: Record<string, unknown>): Record<string, unknown> | this {
    if (!values) return this.#headers;
    this.#headers = values;
    return this;
  }

  /** Answers with `value`. */
  succeed(value?: unknown): void {
    this.settle('succeeded', value);
  }

  /** Answers with an error: 500, unless another status was set. */
  fail(value?: unknown): void {
    if (!this.#settled && this.#status === 200) this.#status = 500;
    this.settle('failed', value);
  }

  /** Aborts when the caller hangs up before it was answered. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#abandoned) this.#abort.abort();
    return this.#abort.signal;
  }

  /** For the runtime: false if the call had been answered before. */
  settle(kind: Outcome['kind'], value: unknown): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#resolve({ kind, value });
    return true;
  }

  /** For the runtime: the caller has hung up. */
  abandon(): void {
    this.#abandoned = true;
    this.#abort?.abort();
  }
}
