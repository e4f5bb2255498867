/**
 * How each function takes events, as far as is known: `batch` (it answers in our form), `single` (it knows nothing of
 * events and gets one per call), `unknown` until its first answer.
 */
export interface FunctionForms {
  of(functionName: string): FunctionForm;
  learn(functionName: string, form: FunctionForm): void;
}

export type FunctionForm = 'batch' | 'single' | 'unknown';

/**
 * Nothing is known at first, not even of the roles' own functions: anyone may deploy another under the same name. So a function's first
 * event goes alone, which any function can take: its answer counts, whatever its form, and nothing is sent twice.
 */
export function openFunctionForms(): FunctionForms {
  const known = new Map<string, FunctionForm>();
  return {
    of: (functionName) => known.get(functionName) ?? 'unknown',
    learn: (functionName, form) => known.set(functionName, form),
  };
}
