/** Lets work of one key begin once that before it has ended, well or not; that of different keys goes on at the same time. */
export type InLine = <T>(key: string, work: () => Promise<T>) => Promise<T>;

export function openLines(): InLine {
  const lines = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const done = (lines.get(key) ?? Promise.resolve()).then(work);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    lines.set(key, settled);
    void settled.then(() => {
      if (lines.get(key) === settled) lines.delete(key);
    });
    return done;
  };
}
