import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, sep } from 'node:path';
import wabt from 'wabt';

/** Compiles each src/**\/*.wat into a module beside it that holds the bytes: `npm run wat`. */

/** What belongs beside a .wat. Throws where it is no sound module. */
export async function wasmModule(path: string): Promise<string> {
  const { parseWat } = await wabt();
  const source = parseWat(path, readFileSync(path, 'utf8'), { simd: true });
  try {
    source.validate();
    const base64 = Buffer.from(source.toBinary({}).buffer).toString('base64');
    return `/** ${basename(path)}, compiled by \`npm run wat\`. */\nexport const WASM =\n  '${base64}';\n`;
  } finally {
    source.destroy();
  }
}

export const wasmPath = (path: string): string => path.replace(/\.wat$/, '.wasm.ts');

/** With forward slashes on every system. */
export const watPaths = (): string[] => globSync('src/**/*.wat').map((path) => path.replaceAll(sep, '/'));

if (import.meta.main) for (const path of watPaths()) writeFileSync(wasmPath(path), await wasmModule(path));
