/**
 * Rules: ours beside Python's `eval` with numpy, which is what the original ran. The two take turns on each rule, so that
 * a neighbour on the machine slows both; the median of three turns counts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { compileRule } from '../lib/rules/compile.ts';
import type { RuleInputs } from '../lib/rules/inputs/rule-scope.ts';
import { RuleScope } from '../lib/rules/inputs/rule-scope.ts';
import { median } from './figure/median.ts';

export const about = "evaluations per second of the original's rule shapes, beside Python's eval with numpy";

const TURNS = 3;
const WARM_UP = 300;
const SIZES = [1, 100, 6400];

/** The shapes of the original's rules, and what its users could write with numpy. */
const RULES = [
  "prediction['x'].data[0][0] > 0.5",
  "any(p.class_label == 'person' for p in prediction)",
  "any(p.class_label == 'car' and p.probability > 0.5 for p in prediction)",
  "prediction['label'].data[0] == 1",
  "prediction['probability'].data[0][1] > 0.8",
  "np.argmax(prediction['x'].data) == 3",
  "np.max(prediction['x'].data) > 0.9",
  "prediction['x'].data.mean() > 0.4",
  "(prediction['x'].data > 0.9).any()",
  "np.sum(prediction['x'].data > 0.9) > 3",
  "any(x > 2 for x in prediction['x'].data[0])",
  "np.std(prediction['x'].data) < 1 and np.min(prediction['x'].data) >= 0",
  "np.sum(prediction['x'].data * 2 - 1) > 10",
  "prediction['x'].data[prediction['x'].data >= 0].mean() > 0.4",
  "np.where(prediction['x'].data > 0.5, 1, 0).sum() > 3",
  "np.median(prediction['x'].data) > 0.4",
  "np.percentile(prediction['x'].data, 95) > 0.9",
  "np.sort(prediction['x'].data[0])[-1] > 0.9",
  "np.argsort(prediction['x'].data[0])[-1] > 3",
  "np.linalg.norm(prediction['x'].data) > 1",
  "np.dot(prediction['x'].data[0], prediction['x'].data[0]) > 1",
  "np.exp(prediction['x'].data).sum() > 1",
  "sum(prediction['x'].data[0]) > 1",
  "prediction['x'].data[0].tolist() == []",
];

/** Measures and prints. `--seconds N`: length of one turn (default 0.05); `--python PATH`: a Python that has numpy. */
export async function run(args: readonly string[] = []): Promise<void> {
  const seconds = Number(option(args, '--seconds') ?? 0.05);
  const python = await openPython(option(args, '--python') ?? 'python3');
  if (python === undefined) console.log('Python with numpy is not here: our own figures alone.');
  console.log(
    `${'evaluations per second'.padEnd(74)}${'size'.padStart(6)}${'ours'.padStart(12)}${'python'.padStart(12)}   ratio`,
  );
  let least = Number.POSITIVE_INFINITY;
  try {
    for (const rule of RULES) {
      for (const size of SIZES) {
        const ratio = await compareRule(rule, size, seconds, python);
        least = Math.min(least, ratio);
      }
    }
  } finally {
    await python?.close();
  }
  if (python !== undefined) console.log(`least ratio: ${least.toFixed(2)}`);
}

function option(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at === -1 ? undefined : args[at + 1];
}

async function compareRule(rule: string, size: number, seconds: number, python: Python | undefined): Promise<number> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const own = measure(rule, size, seconds);
    ours.push(own.rate);
    if (python === undefined) continue;
    const other = await python.measure(rule, size, seconds);
    if (other.truthy !== own.truthy) throw new Error(`${rule} at size ${size}: Python says ${other.truthy}`);
    theirs.push(other.rate);
  }
  const ratio = median(ours) / median(theirs);
  const compared = python === undefined ? '' : `${whole(median(theirs)).padStart(12)}${ratio.toFixed(2).padStart(8)}`;
  console.log(`${rule.padEnd(74)}${String(size).padStart(6)}${whole(median(ours)).padStart(12)}${compared}`);
  return python === undefined ? Number.POSITIVE_INFINITY : ratio;
}

interface Measured {
  readonly rate: number;
  readonly truthy: boolean;
}

/** Each evaluation gets the message anew, as each message is new. */
function measure(source: string, size: number, seconds: number): Measured {
  const rule = compileRule(source);
  const inputs = sample(size);
  // A board evaluates the same rules for days: what is measured is code that has run before.
  for (let i = 0; i < WARM_UP; i++) rule.evaluate(new RuleScope(inputs));
  const start = performance.now();
  let done = 0;
  let spent = 0;
  for (; spent < seconds; spent = (performance.now() - start) / 1000) {
    for (let i = 0; i < 10; i++) rule.evaluate(new RuleScope(inputs));
    done += 10;
  }
  return { rate: done / spent, truthy: rule.evaluate(inputs).truthy };
}

function sample(size: number): RuleInputs {
  const data = Float32Array.from({ length: size }, (_, i) => ((i * 7919) % 10007) / 10007);
  return {
    prediction: {
      x: { data: { dtype: 'float32', shape: [1, size], data }, class_label: 'person', probability: 0.7 },
      probability: { data: [{ 0: 0.1, 1: 0.9 }] },
      label: { data: [1] },
    },
  };
}

interface Python {
  measure(rule: string, size: number, seconds: number): Promise<Measured>;
  close(): Promise<void>;
}

/** A Python process that answers measurements; `undefined` where there is none, or none with numpy. */
async function openPython(command: string): Promise<Python | undefined> {
  const script = new URL('floor/rules_eval.py', import.meta.url).pathname;
  const child = spawn(command, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, 'close').catch((error: unknown) => error);
  const ask = async (rule: string, size: number, seconds: number): Promise<Measured | undefined> => {
    child.stdin.write(`${JSON.stringify({ rule, size, seconds })}\n`);
    const { value } = await lines.next();
    return typeof value === 'string' ? JSON.parse(value) : undefined;
  };
  child.stdin.on('error', () => child.kill());
  if ((await Promise.race([ask('np.sum([1]) == 1', 1, 0), failed(child)])) === undefined) return undefined;
  return {
    async measure(rule, size, seconds) {
      const measured = await ask(rule, size, seconds);
      if (measured === undefined) throw new Error(`Python ended while it measured ${rule}`);
      return measured;
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Settles when the process cannot be started. */
function failed(child: ChildProcess): Promise<undefined> {
  return new Promise((resolve) => child.once('error', () => resolve(undefined)));
}

function whole(number: number): string {
  return Math.round(number).toLocaleString('en');
}

if (import.meta.main) await run(process.argv.slice(2));
