import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import type { ModelIo } from '#lib/scenario/scenario.ts';
import { type ConvertedGraph, type ConvertedTensor, convertGraph, type TensorName } from '../model/convert-graph.ts';
import type { CommandContext, Register } from './command.ts';

interface ConvertFlags {
  readonly input?: readonly string[];
  readonly output?: readonly string[];
  readonly scenario?: string;
}

/** `box model convert`: a TensorFlow frozen graph to ONNX, on this machine. */
export const registerConvert: Register = (model, context) => {
  model
    .command('convert <graph> [onnx]')
    .description(
      'make an ONNX file (default: named like the graph) of a TensorFlow frozen graph (.pb or .pb.gz), and hold it against TensorFlow; the Python environment for it is made once',
    )
    .option('--scenario <file>', 'take the names from its model_descriptor')
    .option('--input <names...>', 'inputs (default: the placeholders); with a shape where the graph has none: x[?,3]')
    .option('--output <names...>', 'outputs (default: what nothing else in the graph uses)')
    .action((graph: string, onnx: string | undefined, flags: ConvertFlags) => convert(context, graph, onnx, flags));
};

async function convert(
  { folder, output, signal }: CommandContext,
  graph: string,
  onnx: string | undefined,
  flags: ConvertFlags,
): Promise<void> {
  const { note, result } = output();
  const source = resolve(folder, graph);
  const target = resolve(folder, onnx ?? `${graph.replace(/\.gz$/i, '').replace(/\.pb$/i, '')}.onnx`);
  const converted = await convertGraph(source, target, { ...(await namesOf(folder, flags)), say: note, signal });
  result({ file: target, ...converted }, convertedText(target, converted));
}

async function namesOf(folder: string, { input = [], output = [], scenario }: ConvertFlags) {
  const bare = (names: readonly string[]): TensorName[] => names.map((name) => ({ name }));
  if (scenario === undefined) return { inputs: bare(input), outputs: bare(output) };
  if (input.length > 0 || output.length > 0) {
    throw new BoxError('invalid_argument', 'Cannot convert graph: give either --scenario, or --input and --output');
  }
  const document: unknown = JSON.parse(await readFile(resolve(folder, scenario), 'utf8'));
  const descriptor = parseScenario(document).scenario_definition.inference_definition?.model_descriptor;
  if (descriptor === undefined) {
    throw new BoxError('invalid_argument', `Cannot convert graph: ${scenario} must have an inference_definition`);
  }
  const named = ({ data_name, data_shape }: ModelIo): TensorName => ({ name: data_name, shape: data_shape });
  return { inputs: descriptor.model_input_info.map(named), outputs: descriptor.model_output_info.map(named) };
}

function convertedText(
  target: string,
  { inputs, outputs, bytes, compared, difference, reason }: ConvertedGraph,
): string {
  const line = (kind: string, { name, dtype, shape }: ConvertedTensor) =>
    `  ${kind} ${name}: ${dtype} ${shape === null ? '(any shape)' : `[${shape.map((size) => size ?? '?').join(', ')}]`}`;
  const held = compared
    ? `gives what TensorFlow gives (to ${difference?.toExponential(1)})`
    : `could not be held against TensorFlow: ${reason}`;
  return [
    `${target}: ${bytes} bytes, ${held}`,
    ...inputs.map((tensor) => line('input', tensor)),
    ...outputs.map((tensor) => line('output', tensor)),
  ].join('\n');
}
