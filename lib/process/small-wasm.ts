import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8 from optimizing WebAssembly in this process. The one module that our code runs is the HTTP parser of undici, whose
 * one large function takes 12 MB to optimize, which the process then keeps; unoptimized a request takes some 5 µs more.
 * To be called before the first request.
 */
export function keepWasmSmall(): void {
  // How much a function must have run before it is optimized: V8's own is 13 million, that of a few hundred requests.
  setFlagsFromString('--wasm-tiering-budget=1000000000');
}
