import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { makePythonOf } from '../../setup/python-environment.ts';

/** The very script that the function `converter` runs. */
const CONVERT = fileURLToPath(new URL('../../functions/converter/convert.py', import.meta.url));
/** What it ends with when the graph is at fault. */
const GRAPH_AT_FAULT = 2;

export interface TensorName {
  readonly name: string;
  /** Counts where the graph does not say how many dimensions there are; null is a dimension of any size. */
  readonly shape?: readonly (number | string | null)[];
}

export interface ConvertOptions {
  readonly inputs: readonly TensorName[];
  readonly outputs: readonly TensorName[];
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What became of a graph. */
export interface ConvertedGraph {
  readonly inputs: readonly ConvertedTensor[];
  readonly outputs: readonly ConvertedTensor[];
  readonly bytes: number;
  /** Whether TensorFlow and ONNX Runtime were given the same made-up input and gave the same. */
  readonly compared: boolean;
  /** How far they were apart at most. */
  readonly difference?: number;
  /** Why they could not be compared. */
  readonly reason?: string;
}

export interface ConvertedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | null)[] | null;
}

/**
 * Makes an ONNX file of a TensorFlow frozen graph, in the Python environment that is made when it is not there yet.
 *
 * @throws BoxError `unprocessable` for a graph that cannot be converted, `unavailable` when there is no Python to do it
 */
export async function convertGraph(source: string, target: string, options: ConvertOptions): Promise<ConvertedGraph> {
  const { say, signal } = options;
  const python = await makePythonOf('converter', process.env, say, signal).catch((cause: unknown) => {
    throw new BoxError('unavailable', errorText(cause), { cause });
  });
  const names = [
    ...options.inputs.map((input) => `--input=${showTensor(input)}`),
    ...options.outputs.map(({ name }) => `--output=${name}`),
  ];
  const child = spawn(python, [CONVERT, ...names, '--', source, target], { stdio: ['ignore', 'pipe', 'pipe'], signal });
  const [said, log, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code !== 0 && code !== GRAPH_AT_FAULT) {
    const last = log.trim().split('\n').slice(-5).join('\n');
    throw new BoxError('internal', `Cannot convert ${source}: the converter must end with 0, got ${code}\n${last}`);
  }
  // The script's own one line of JSON.
  const answer = JSON.parse(said) as ConvertedGraph | { readonly error: string };
  if ('error' in answer) throw new BoxError('unprocessable', answer.error);
  return answer;
}

function showTensor({ name, shape }: TensorName): string {
  if (shape === undefined) return name;
  return `${name}[${shape.map((size) => (typeof size === 'number' && size >= 0 ? size : '?')).join(',')}]`;
}
