/** The allowed name most like a given one, `undefined` where none is near. */
export function nearestName(name: string, allowed: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase().replaceAll('_', '').slice(0, 40);
  let nearest: string | undefined;
  let least = Math.max(1, Math.floor(wanted.length / 2)) + 1;
  for (const candidate of allowed) {
    const distance = editDistance(wanted, candidate.toLowerCase().replaceAll('_', ''));
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

/** Letters to add, drop, change or swap with the next. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(change, (last[j] as number) + 1, (row[j - 1] as number) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j] as number, (beforeLast[j - 2] as number) + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}
