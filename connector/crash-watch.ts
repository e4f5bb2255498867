import type { Invoker } from './invoker.ts';
import { type Born, isYounger } from './lost-calls.ts';

/**
 * So many processes may end, one after the other, each with the same event alone, before it is given up: who kills functions by chance
 * does not meet one event so often.
 */
export const MAX_CRASHES = 10;

/** So many calls in a row are lost before anyone is asked: whoever is replaced is back by then, mostly. */
const FIRST_ASKED = 3;

/** Tells calls that nobody was there to take from those that their process did not survive. */
export interface CrashWatch {
  /**
   * After a call that got lost. True when a process was there before that call and another one is there now: the process ended with the call, as it
   * may do again with the same events. What is not known is false: a function of another template, or one that is not back yet.
   */
  lost(): Promise<boolean>;
  /** After a call that was answered. */
  answered(): void;
}

/** Watches the calls of one batch, which are made one at a time. Asks about processes only when calls get lost. */
export function openCrashWatch(invoker: Pick<Invoker, 'born'>, functionName: string): CrashWatch {
  /** The process that was there before the call. */
  let before: Born | undefined;
  let lost = 0;
  return {
    async lost() {
      lost++;
      if (lost < FIRST_ASKED) return false;
      const now = await invoker.born(functionName);
      const isCrash = now !== undefined && before !== undefined && isYounger(now, before);
      before = now ?? before;
      return isCrash;
    },
    answered() {
      before = undefined;
      lost = 0;
    },
  };
}
