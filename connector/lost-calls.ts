import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { ConnectorMetrics } from './metrics.ts';

/** What of an answer tells who gave it. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/**
 * Finds calls whose process is gone without a word. A container that ends takes its network with it, so that nobody is told: the
 * gateway goes on waiting for an answer. So while a call hangs, the function is asked how long its process has lived.
 */
export interface LostCalls {
  /**
   * Makes a call with a signal that aborts when `stop` does, and, with a BoxError `unavailable`, when a process answers that is younger
   * than the call. With several replicas that may be another one than has the call: then it is made once more than needed.
   */
  watch<T extends Answered>(
    functionName: string,
    stop: AbortSignal,
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
  /**
   * When the process began to live that answers now, by `performance.now()`; undefined when none answers, or does not tell. Asks a
   * function that has never answered, too: call it when its calls are lost again and again.
   */
  born(functionName: string): Promise<Born | undefined>;
  close(): void;
}

/** Between these two moments: the answer takes its time. */
export interface Born {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** Whether the one is another process than the other, and came after it. */
export function isYounger(one: Born, other: Born): boolean {
  return one.earliestMs > other.latestMs + MARGIN_MS;
}

export interface LostCallsParts {
  /** Asks a function's `/healthz`. */
  readonly probe: (functionName: string, signal: AbortSignal) => Promise<Answered>;
  readonly log: Log;
  readonly metrics: Pick<ConnectorMetrics, 'lostCall'>;
}

interface Call {
  readonly startedMs: number;
  readonly end: AbortController;
}

interface WatchedFunction {
  readonly name: string;
  /** In flight, the oldest first. */
  readonly calls: Set<Call>;
  /** Whether its answers have the header, once there was one. Others are not probed: to them it would be one more call. */
  tellsUptime: boolean | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** In the answers of the template's runtime: templates/box-node/runtime/reply.ts. */
const UPTIME_HEADER = 'box-uptime-seconds';
/** How old a call is when its function is asked for the first time, and how long it is until the next. */
const PROBE_EVERY_MS = 3000;
const PROBE_TIMEOUT_MS = 2500;
/** More than rounding makes of two times, less than any process needs to end and start. */
const MARGIN_MS = 10;

export function openLostCalls({ probe, log, metrics }: LostCallsParts): LostCalls {
  const functions = new Map<string, WatchedFunction>();
  const closing = new AbortController();

  const watched = (name: string): WatchedFunction => {
    const known = functions.get(name) ?? { name, calls: new Set(), tellsUptime: undefined, timer: undefined };
    functions.set(name, known);
    return known;
  };
  const wait = (fn: WatchedFunction, ms: number) => {
    fn.timer = setTimeout(() => void look(fn), ms);
  };
  /** One look at a time for each function, however many calls hang; none when none is in flight. */
  const look = async (fn: WatchedFunction) => {
    const [oldest] = fn.calls;
    if (oldest === undefined) {
      fn.timer = undefined;
      return;
    }
    const nowMs = performance.now();
    const dueMs = oldest.startedMs + PROBE_EVERY_MS;
    const isDue = nowMs >= dueMs;
    if (isDue && fn.tellsUptime) await giveUpLost(fn);
    if (closing.signal.aborted) return;
    // The time may have come meanwhile.
    wait(fn, Math.max(0, (isDue ? nowMs + PROBE_EVERY_MS : dueMs) - performance.now()));
  };
  const giveUpLost = async (fn: WatchedFunction) => {
    // Taken before the question: the process has lived for at least that long when it answers.
    const askedMs = performance.now();
    const uptimeMs = await ask(fn);
    if (uptimeMs === undefined) return;
    for (const { startedMs, end } of fn.calls) {
      const ageMs = askedMs - startedMs;
      if (end.signal.aborted || ageMs - uptimeMs <= MARGIN_MS) continue;
      metrics.lostCall(fn.name);
      const facts = { function: fn.name, callSeconds: seconds(ageMs), processSeconds: seconds(uptimeMs) };
      log.warn(facts, 'a call is given up and made again: the process that had it is gone');
      const rule = 'the process that answers must be older than the call';
      const got = `${facts.processSeconds} s and ${facts.callSeconds} s`;
      end.abort(new BoxError('unavailable', `Cannot get an answer any more: ${rule}, got ${got}`));
    }
  };
  const ask = async (fn: WatchedFunction): Promise<number | undefined> => {
    try {
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
      return learn(fn, await probe(fn.name, signal));
    } catch (error) {
      // Nobody there (yet), or too busy to answer: that says nothing about the calls.
      log.debug({ function: fn.name, reason: errorText(error) }, 'the function does not say how long it has lived');
      return undefined;
    }
  };
  return {
    async watch(functionName, stop, make) {
      const fn = watched(functionName);
      const call: Call = { startedMs: performance.now(), end: new AbortController() };
      const onStop = () => call.end.abort(stop.reason);
      stop.addEventListener('abort', onStop, { once: true });
      if (stop.aborted) onStop();
      fn.calls.add(call);
      if (fn.timer === undefined) wait(fn, PROBE_EVERY_MS);
      try {
        const answered = await make(call.end.signal);
        learn(fn, answered);
        return answered;
      } finally {
        stop.removeEventListener('abort', onStop);
        fn.calls.delete(call);
      }
    },
    async born(functionName) {
      const fn = watched(functionName);
      if (fn.tellsUptime === false) return undefined;
      const askedMs = performance.now();
      const uptimeMs = await ask(fn);
      if (uptimeMs === undefined) return undefined;
      return { earliestMs: askedMs - uptimeMs, latestMs: performance.now() - uptimeMs };
    },
    close() {
      closing.abort();
      for (const { timer } of functions.values()) clearTimeout(timer);
    },
  };
}

/** The uptime that an answer tells of; and whether this function is one that tells it. */
function learn(fn: WatchedFunction, { status, headers }: Answered): number | undefined {
  const uptime = headers[UPTIME_HEADER];
  if (typeof uptime === 'string' && /^\d+(\.\d+)?$/.test(uptime)) {
    fn.tellsUptime = true;
    return Number(uptime) * 1000;
  }
  // An error may be the gateway's; an answer is the function's own, which may be another now.
  if (status >= 200 && status < 300) fn.tellsUptime = false;
  return undefined;
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
