import type { OutputValue } from '../model.ts';
import { isTensorList } from './worker-message.ts';

/**
 * Gives memory back at once, where a Buffer or an array has memory of its own. The collector does not know how much
 * hangs on a small object: models that are swapped would pile up, and for tensors that come and go it would look through
 * the whole heap several times a second.
 */
export function freeBytes(bytes: ArrayBufferView): void {
  const { buffer, byteLength } = bytes;
  // Memory that was given back already has no length.
  if (byteLength > 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** From this size on it pays to give memory back by hand. */
export const LARGE_BYTES = 16 * 1024;

/** Gives the memory of large outputs back that nobody shares; they may not be used after. */
export function freeOutputs(outputs: readonly OutputValue[]): void {
  for (const output of outputs) {
    if (output === null) continue;
    for (const { data } of isTensorList(output) ? output : [output]) {
      if (ArrayBuffer.isView(data) && data.byteLength >= LARGE_BYTES) freeBytes(data);
    }
  }
}
