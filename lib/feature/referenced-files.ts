import { isRecord } from '../json/json-object.ts';
import type { DataDescriptor, FeatureDescriptor } from '../scenario/scenario.ts';
import type { Given } from './given.ts';

/** A long list that stands in a file: `{ "file": "s3://models/words.json" }`. */
interface FileReference {
  readonly file: string;
}

function isReference(value: unknown): value is FileReference {
  return isRecord(value) && typeof value.file === 'string' && Object.keys(value).length === 1;
}

/** Whether the value stands in a file, and so cannot be read here; notes a location that is none. */
export function standsInFile(given: Given): boolean {
  if (!isReference(given.value)) return false;
  if (!/^s3:\/\/[^/]+\/.+$/.test(given.value.file)) given.refuse('must have a file as s3://bucket/key');
  return true;
}

/** The locations of every file that the features of a descriptor name. */
export function fileLocations(descriptor: DataDescriptor): string[] {
  const found = new Set<string>();
  for (const feature of descriptor.feature_list) {
    replaced(paramsOf(feature), (file) => {
      found.add(file);
      return undefined;
    });
  }
  return [...found];
}

/** The descriptor with what the files hold in their place. */
export function withFiles(descriptor: DataDescriptor, contents: ReadonlyMap<string, unknown>): DataDescriptor {
  if (contents.size === 0) return descriptor;
  const feature_list = descriptor.feature_list.map((feature): FeatureDescriptor => {
    const params = paramsOf(feature);
    if (!isRecord(params)) return feature;
    return { ...feature, feature_params: replaced(params, (file) => contents.get(file)) as Record<string, unknown> };
  });
  return { ...descriptor, feature_list };
}

/** The params as a value; text that is no JSON is a remark, or is told of when the params are read. */
function paramsOf({ feature_params: params }: FeatureDescriptor): unknown {
  if (typeof params !== 'string' || !params.trimStart().startsWith('{')) return params;
  try {
    return JSON.parse(params);
  } catch (error) {
    if (error instanceof SyntaxError) return params;
    throw error;
  }
}

function replaced(value: unknown, read: (file: string) => unknown): unknown {
  if (isReference(value)) return read(value.file);
  if (Array.isArray(value)) return value.map((item) => replaced(item, read));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, read)]));
}
