/** The import rule as a lint: imports go downwards only, types included. Prints each violation as file:line. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

type Layer = keyof typeof LAYERS;

/** What belongs to a layer: files by name, folders with a slash at the end. Tests, slow ones too, and contract suites are exempt. */
const LAYERS = {
  words: ['types.ts', 'errors.ts', 'random.ts', 'make-folder.ts', 'answer/', 'prompts/'],
  engine: ['engine/'],
  ports: ['model.ts', 'trainer.ts', 'store.ts', 'rows/'],
  adapters: ['model/', 'trainer/'],
  ledger: ['store/'],
  playground: ['playground/'],
  stages: [
    'generate.ts',
    'pairs/',
    'thoughts/',
    'preferences/',
    'exports/',
    'judging/',
    'benchmarks/',
    'audit/',
  ],
  pipeline: ['pipeline.ts', 'config.ts', 'report/'],
  serving: ['serving/'],
  cli: ['cli/'],
  index: ['index.ts'],
} as const satisfies Record<string, readonly string[]>;

/** What a layer may import besides itself, npm packages and node's own modules. */
const MAY_IMPORT: Readonly<Record<Layer, readonly Layer[]>> = {
  words: [],
  engine: [],
  // The ledger has one implementation, so its port opens it; models and trainers have many and never meet theirs.
  ports: ['words', 'ledger'],
  adapters: ['words', 'engine', 'ports'],
  ledger: ['words', 'ports'],
  playground: ['words'],
  stages: ['words', 'ports'],
  pipeline: ['words', 'ports', 'stages'],
  serving: ['words', 'engine', 'adapters'],
  cli: [
    'words',
    'engine',
    'ports',
    'adapters',
    'ledger',
    'playground',
    'stages',
    'pipeline',
    'serving',
    'index',
  ],
  index: ['words', 'engine', 'ports', 'adapters', 'ledger', 'playground', 'stages', 'pipeline', 'cli'],
};

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
}

// `import x from 'y'`, `export … from 'y'`, `import 'y'` and `import('y')`, also over several lines.
const IMPORT = /\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g;

/** The violations of one file; `path` is relative to the source folder, with slashes. */
export function check(path: string, text: string): Violation[] {
  const found: Violation[] = [];
  const from = layerOf(path);
  if (from === undefined) {
    return [{ file: path, line: 1, rule: 'belongs to no layer; add it to scripts/check-imports.ts' }];
  }
  for (const { line, specifier } of imports(text)) {
    if (!specifier.startsWith('.')) continue;
    const target = join(dirname(path), specifier).replaceAll('\\', '/');
    const rule = target.startsWith('..') ? `imports ${target}, outside src/` : violation(from, target);
    if (rule !== null) found.push({ file: path, line, rule });
  }
  return found;
}

function violation(from: Layer, target: string): string | null {
  const to = layerOf(target);
  if (to === undefined) return `imports ${target}, which belongs to no layer`;
  if (to === from || MAY_IMPORT[from].includes(to)) return null;
  const allowed = MAY_IMPORT[from].length === 0 ? 'nothing but itself' : MAY_IMPORT[from].join(', ');
  return `imports ${target}: ${from} may import ${allowed}, not ${to}`;
}

function layerOf(path: string): Layer | undefined {
  return (Object.keys(LAYERS) as Layer[]).find((layer) =>
    LAYERS[layer].some((part) => (part.endsWith('/') ? path.startsWith(part) : path === part)),
  );
}

function imports(text: string): { line: number; specifier: string }[] {
  // Comments are blanked, not removed, so that lines keep their numbers.
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(IMPORT)].map((match) => ({
    line: code.slice(0, match.index).split('\n').length,
    specifier: match[2] as string,
  }));
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = resolve(import.meta.dirname, '..', process.argv[2] ?? 'src');
  if (!existsSync(root)) throw new Error(`${root} does not exist`);
  const files = globSync('**/*.{ts,tsx}', { cwd: root }).sort();
  const violations = files
    .filter((file) => !/\.(test|contract|slow)\.tsx?$/.test(file))
    .flatMap((file) => check(file.replaceAll('\\', '/'), readFileSync(join(root, file), 'utf8')));
  for (const { file, line, rule } of violations) {
    console.error(`${relative(process.cwd(), join(root, file))}:${line} ${rule}`);
  }
  if (violations.length > 0) process.exitCode = 1;
}
