import { globSync, readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

/** Compiles each src/**\/*.wat into a module beside it that holds the bytes: `npm run wat`. */

/** What belongs beside a .wat. */
export async function wasmModule(path: string): Promise<string> {
  const { parseWat } = await wabt();
  const source = parseWat(path, readFileSync(path, 'utf8'), { simd: true });
  const { buffer } = source.toBinary({});
  source.destroy();
  const name = path.split('/').at(-1);
  const base64 = Buffer.from(buffer).toString('base64');
  return `/** ${name}, compiled by \`npm run wat\`. */\nexport const WASM =\n  '${base64}';\n`;
}

export const wasmPath = (path: string): string => path.replace(/\.wat$/, '.wasm.ts');

export const watPaths = (): string[] => globSync('src/**/*.wat');

if (import.meta.main) for (const path of watPaths()) writeFileSync(wasmPath(path), await wasmModule(path));
