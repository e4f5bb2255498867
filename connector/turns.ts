/** Work that may go on at the same time, and work that must be alone. */
export interface Turns {
  /** Begins when nothing that is alone goes on or waits. */
  together<T>(work: () => Promise<T>): Promise<T>;
  /** Begins when what was begun before has ended; what comes later waits. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function openTurns(): Turns {
  const running = new Set<Promise<unknown>>();
  /** Ends with the last that is alone or waits to be. */
  let lastAlone: Promise<unknown> = Promise.resolve();

  return {
    async together(work) {
      for (let seen: unknown; seen !== lastAlone; ) {
        seen = lastAlone;
        await lastAlone;
      }
      const made = work();
      running.add(made);
      try {
        return await made;
      } finally {
        running.delete(made);
      }
    },
    alone(work) {
      const earlier = lastAlone;
      const turn = async () => {
        await earlier;
        await Promise.allSettled(running);
        return work();
      };
      const made = turn();
      lastAlone = Promise.allSettled([made]);
      return made;
    },
  };
}
