/** What a session takes beside its weights, and weights prepared for the processor: rather too much than too little. */
const SESSION_BYTES = 256 * 1024;
const WEIGHT_FACTOR = 1.3;
/** The process as a whole is kept within this part of the budget, and 1.2 with what a load takes for a moment, ... */
const PROCESS_FACTOR = 1.1;
/** ... as long as that leaves the models this part of it. */
const LEAST_FACTOR = 0.5;

/** What a model is taken to need before it is loaded. */
export function estimatedBytes(fileBytes: number): number {
  return Math.ceil(fileBytes * WEIGHT_FACTOR) + SESSION_BYTES;
}

/** What a model takes: what the process grew by, and no less than its weights, which may lie where another's lay. */
export function measuredBytes(grown: number, fileBytes: number): number {
  return Math.max(grown, fileBytes + SESSION_BYTES);
}

/**
 * What models may take together: the budget; less where what the process has beside them (the runtime, its threads,
 * requests, memory that the system has not got back) is more than a tenth of it; never less than half of it.
 */
export function allowedBytes(maxBytes: number, modelBytes: number, residentBytes: number): number {
  const others = residentBytes - modelBytes;
  return Math.min(maxBytes, Math.max(maxBytes * LEAST_FACTOR, maxBytes * PROCESS_FACTOR - others));
}
