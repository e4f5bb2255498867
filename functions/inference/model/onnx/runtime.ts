import type * as Ort from 'onnxruntime-node';

/**
 * Loads ONNX Runtime into this thread.
 *
 * Its library reads ORT_DISABLE_TELEMETRY when it is loaded and reports usage to its maker without it, so the variable
 * is set here, for good, and the library is imported nowhere else. A worker's `process.env` is a copy that native code
 * does not see: the main thread must have called this, or `disableTelemetry`, before it starts a worker.
 */
export async function loadRuntime(): Promise<typeof Ort> {
  disableTelemetry();
  const runtime = await import('onnxruntime-node');
  // What fails is thrown; the library would also write it to standard error, past the log.
  runtime.env.logLevel = 'fatal';
  return runtime;
}

/** Sets the variable that keeps ONNX Runtime from reporting usage, in this thread's environment. */
export function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}
