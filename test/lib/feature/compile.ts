import { checkDataDescriptor, compileDataDescriptor } from '#lib/feature/data-descriptor.ts';
import type { Signal } from '#lib/feature/signal.ts';
import type { DataDescriptor, FeatureDescriptor } from '#lib/scenario/scenario.ts';

type Params = FeatureDescriptor['feature_params'];

function descriptorOf(type: FeatureDescriptor['feature_type'], params: Params, name: string): DataDescriptor {
  const feature = { feature_name: name, feature_type: type, ...(params !== undefined && { feature_params: params }) };
  return { ingestion_data_name: 'test', feature_list: [feature] };
}

/** The data of the one feature `x` that the params make of the signal. */
export async function featureOf(
  signal: Signal,
  type: FeatureDescriptor['feature_type'],
  params?: Params,
  name = 'x',
): Promise<unknown> {
  const [feature] = await compileDataDescriptor(descriptorOf(type, params, name)).make(signal);
  return feature?.data;
}

/** What is wrong with the params: `pointer message`, the pointer below feature_params. */
export function problemsOf(params: unknown, type: FeatureDescriptor['feature_type'] = 'numpyarraytype'): string[] {
  return checkDataDescriptor(descriptorOf(type, params as Params, 'x')).map(
    ({ pointer, message }) => `${pointer.replace('/feature_list/0/feature_params', '')} ${message}`,
  );
}
