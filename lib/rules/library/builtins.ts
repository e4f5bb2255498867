import { COLLECTING } from './builtins-collecting.ts';
import { CONVERTING } from './builtins-converting.ts';
import { byName, type LibraryFunction } from './function.ts';

/** The functions that rules call without `np.`. */
export const BUILTINS: ReadonlyMap<string, LibraryFunction> = byName([...COLLECTING, ...CONVERTING]);
