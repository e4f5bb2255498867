/** The names that are most like a wrong one, the likeliest first. */
export function nearestNames(wrong: string, names: readonly string[], count = 3): readonly string[] {
  return names
    .map((name) => ({ name, distance: distanceOf(wrong.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ name }) => name);
}

/** A name that holds the other, as exporters put prefixes before names and `:0` behind, is nearer than any other. */
function distanceOf(wrong: string, name: string): number {
  return wrong !== '' && (name.includes(wrong) || wrong.includes(name)) ? 0 : editDistance(wrong, name);
}

/** Levenshtein's distance; names are cut to a length at which this is quick. */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, 200);
  const b = right.slice(0, 200);
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(change, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
