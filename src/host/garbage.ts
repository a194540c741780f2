/**
 * What Deno is started with for a service, which has several heaps: megabytes of the youngest objects, of which V8 keeps
 * up to three times as many in each, and that {@linkcode collectGarbage} may clear away the others.
 */
export const SMALL_HEAP = "--v8-flags=--max-semi-space-size=1,--expose-gc";

/**
 * Clears garbage away, where V8 was started with {@linkcode SMALL_HEAP}. Between two nights
 * there is too little of it for V8 to look, and what hangs on it outside of V8's heap is not little.
 */
export function collectGarbage(): void {
  (globalThis as { readonly gc?: () => void }).gc?.();
}
