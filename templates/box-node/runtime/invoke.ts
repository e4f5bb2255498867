import type { FunctionContext, Outcome } from './context.ts';
import type { FunctionEvent, Handler } from './contract.ts';
import { errorFacts, log } from './log.ts';

/**
 * Calls a handler and resolves with its first answer: what it returned, or what it told the context or the callback.
 * A handler that takes the callback and returns nothing is waited for until it calls it.
 */
export function invoke(handler: Handler, event: FunctionEvent, context: FunctionContext): Promise<Outcome> {
  const callback = (error?: unknown, value?: unknown): void => {
    if (error) context.fail(error);
    else context.succeed(value);
  };
  try {
    const returned = handler(event, context, callback);
    if (isThenable(returned)) returned.then((value) => context.succeed(value), fail);
    else if (returned !== undefined || handler.length < 3) context.succeed(returned);
  } catch (thrown) {
    fail(thrown);
  }
  return context.outcome;

  function fail(thrown: unknown): void {
    if (!context.settle('thrown', thrown)) log('error', 'The handler threw after it had answered', errorFacts(thrown));
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
