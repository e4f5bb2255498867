import type { ModelDescriptor } from '#lib/scenario/scenario.ts';

/** Versions that were tried together. */
const PACKAGES = 'tensorflow-cpu==2.21.0 tf2onnx==1.17.0';

/**
 * How a TensorFlow frozen graph becomes a model that runs here: the command line for the very graph, whose inputs and
 * outputs keep the names that the scenario gives them.
 */
export function convertAdvice(descriptor: ModelDescriptor): string {
  const source = fileNameOf(descriptor.model_location ?? `${descriptor.model_name}.pb`);
  const target = source.replace(/(\.pb)?$/i, '.onnx');
  const inputs = descriptor.model_input_info.map(({ data_name }) => data_name);
  const outputs = descriptor.model_output_info.map(({ data_name }) => data_name);
  const words = [
    'python -m tf2onnx.convert',
    `--graphdef ${quote(source)}`,
    `--output ${quote(target)}`,
    ...namesOf('inputs', inputs),
    ...namesOf('outputs', outputs),
  ];
  return (
    `TensorFlow graphs are not run here: convert it once on any machine, with "pip install ${PACKAGES}" and ` +
    `"${words.join(' ')}", then name the new file in model_location and set model_type to ONNX`
  );
}

/** TensorFlow's names say which output of a node is meant, `x:0`; the model shall have the scenario's own. */
function namesOf(kind: 'inputs' | 'outputs', names: readonly string[]): string[] {
  // The descriptor declares none: which one it is has to be put in.
  if (names.length === 0) return [`--${kind} NAME:0`];
  const full = names.map((name) => (/:\d+$/.test(name) ? name : `${name}:0`)).join(',');
  return [`--${kind} ${quote(full)}`, `--rename-${kind} ${quote(names.join(','))}`];
}

/** The file at the end of a path or URL, as it is once it is unpacked. */
function fileNameOf(location: string): string {
  const name =
    location
      .replace(/[?#].*$/, '')
      .split('/')
      .at(-1) ?? '';
  return name.replace(/\.gz$/i, '') || 'model.pb';
}

/** A word for a POSIX shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
