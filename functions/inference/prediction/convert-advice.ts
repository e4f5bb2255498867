import type { ModelDescriptor, ModelIo } from '#lib/scenario/scenario.ts';

/**
 * How a TensorFlow frozen graph becomes a model that runs here, where no function does it: the command line for the very
 * graph, whose inputs and outputs keep the names that the scenario gives them.
 */
export function convertAdvice(descriptor: ModelDescriptor): string {
  const source = fileNameOf(descriptor.model_location ?? `${descriptor.model_name}.pb`);
  const words = [
    'npx box model convert',
    quote(source),
    ...namesOf('input', descriptor.model_input_info),
    ...namesOf('output', descriptor.model_output_info),
  ];
  return (
    'a TensorFlow graph is converted to ONNX first. Deploy the function that does it (faas-cli up -f stack.converter.yml) and ' +
    `put the scenario again, or do it by hand on any machine with Python: "${words.join(' ')}", then name the new ` +
    'file in model_location and set model_type to ONNX'
  );
}

function namesOf(kind: 'input' | 'output', list: readonly ModelIo[]): string[] {
  return list.length === 0 ? [] : [`--${kind}`, ...list.map(({ data_name }) => quote(data_name))];
}

/** The file at the end of a path or URL. */
function fileNameOf(location: string): string {
  const name =
    location
      .replace(/[?#].*$/, '')
      .split('/')
      .at(-1) ?? '';
  return name || 'model.pb';
}

/** A word for a POSIX shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
