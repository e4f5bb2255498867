export function withLock<T>(path: string, work: () => T | Promise<T>): Promise<T>;

export function tryLock(path: string): Promise<(() => Promise<void>) | undefined>;
