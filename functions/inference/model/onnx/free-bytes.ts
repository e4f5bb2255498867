/**
 * Gives memory back at once, where a Buffer or an array has memory of its own. The collector does not know how much
 * hangs on a small object: models that are swapped would pile up, and for tensors that come and go it would look through
 * the whole heap several times a second.
 */
export function freeBytes(bytes: ArrayBufferView): void {
  if (bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0);
}
