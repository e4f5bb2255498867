const LEVELS = { info: 30, error: 50 } as const;

/** One JSON line on stdout (info) or stderr (error), in the fields and levels of pino, which the functions log with. */
export function log(level: keyof typeof LEVELS, msg: string, facts: Readonly<Record<string, unknown>> = {}): void {
  const line = JSON.stringify({ level: LEVELS[level], time: new Date().toISOString(), msg, ...facts });
  if (level === 'info') console.log(line);
  else console.error(line);
}

/** A thrown value as log facts, causes included. */
export function errorFacts(thrown: unknown): Readonly<Record<string, unknown>> {
  if (!(thrown instanceof Error)) return { err: { message: String(thrown) } };
  return { err: describe(thrown, 0) };
}

function describe(error: Error, depth: number): Readonly<Record<string, unknown>> {
  const { name, message, stack, cause } = error;
  const deeper = cause instanceof Error && depth < 5 ? { cause: describe(cause, depth + 1) } : {};
  return { type: name, message, stack, ...deeper };
}
