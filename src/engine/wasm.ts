/** Memory of a WebAssembly module, in pages of 64 KiB. What `buffer` was before a growth is detached. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export const PAGE = 2 ** 16;

/** What is used of the standard's own object: Node's types leave it out. */
interface Standard {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => { readonly exports: object };
  };
}

/** The exports of a compiled .wat (see scripts/wat.ts), which is small: it is compiled here and now. */
export function wasmExports<Exports>(base64: string): Exports {
  const { WebAssembly } = globalThis as unknown as Standard;
  const module = new WebAssembly.Module(Buffer.from(base64, 'base64'));
  return new WebAssembly.Instance(module).exports as Exports;
}
