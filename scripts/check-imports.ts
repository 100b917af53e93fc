/** The import rules as a lint, types and `import()` included: (a) layers, (b) no circle of files, (c) no circle of top folders
 * and stages in their order, (d) only index.ts passes on what others export. Prints each violation as file:line. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

type Layer = keyof typeof LAYERS;

/** What belongs to a layer: files by name, folders with a slash at the end. Tests, slow ones too, and contract suites are exempt. */
const LAYERS = {
  words: [
    'types.ts',
    'errors.ts',
    'random.ts',
    'key.ts',
    'files.ts',
    'metrics.ts',
    'package.ts',
    'prompts/',
    'verdict/',
    'answer/',
    'text/',
  ],
  engine: ['engine/'],
  ports: ['model.ts', 'trainer.ts', 'source.ts', 'store.ts', 'prices.ts', 'rows/', 'hub/'],
  adapters: ['model/', 'trainer/', 'source/', 'store/', 'playground/'],
  sampling: ['sampling/'],
  stages: ['pairs/', 'thoughts/', 'preferences/', 'judging/', 'benchmarks/', 'audit/', 'exports/'],
  method: ['pipeline.ts', 'pipeline/', 'config.ts', 'config/', 'report/'],
  serving: ['serving/'],
  open: ['open/'],
  cli: ['cli/'],
  index: ['index.ts'],
} as const satisfies Record<string, readonly string[]>;

/** What a layer may import besides itself, npm packages and node's own modules. Adapters are met by name only where things are
 * opened: elsewhere their port stands for them. */
const MAY_IMPORT: Readonly<Record<Layer, readonly Layer[]>> = {
  words: [],
  engine: [],
  ports: ['words'],
  adapters: ['words', 'engine', 'ports'],
  sampling: ['words', 'ports'],
  stages: ['words', 'ports', 'sampling'],
  method: ['words', 'ports', 'sampling', 'stages'],
  serving: ['words', 'engine', 'ports', 'adapters'],
  open: ['words', 'engine', 'ports', 'adapters', 'sampling', 'stages', 'method', 'serving'],
  cli: ['words', 'engine', 'ports', 'adapters', 'sampling', 'stages', 'method', 'serving', 'open'],
  index: ['words', 'engine', 'ports', 'adapters', 'sampling', 'stages', 'method', 'serving', 'open', 'cli'],
};

/** The folders that may pass on what another file exports. */
const PASSES_ON = ['index.ts'];

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
}

interface Import {
  readonly line: number;
  /** Relative to the source folder, or a package's name. */
  readonly target: string;
  readonly reexport: boolean;
}

/** All violations of a source folder; `sources` is path, relative to the folder with slashes, to text. */
export function check(sources: ReadonlyMap<string, string>): Violation[] {
  const graph = new Map([...sources].map(([path, text]) => [path, imports(path, text)]));
  return [
    ...[...graph].flatMap(([path, found]) => misplaced(path, found)),
    ...circles(graph, (path) => path, 'files'),
    ...circles(graph, roomOf, 'top folders'),
  ];
}

/** (a), (c) and (d) of one file. */
function misplaced(path: string, found: readonly Import[]): Violation[] {
  const from = layerOf(path);
  if (from === undefined)
    return [{ file: path, line: 1, rule: 'belongs to no layer; add it to scripts/check-imports.ts' }];
  return found.flatMap(({ line, target, reexport }) => {
    const rule =
      wrongLayer(from, target) ??
      laterStage(path, target) ??
      (reexport && !PASSES_ON.includes(path) ? `passes on ${target}: only ${PASSES_ON} does` : null);
    return rule === null ? [] : [{ file: path, line, rule }];
  });
}

function wrongLayer(from: Layer, target: string): string | null {
  if (target.startsWith('..')) return `imports ${target}, outside src/`;
  const to = layerOf(target);
  if (to === undefined) return `imports ${target}, which belongs to no layer`;
  if (to === from || MAY_IMPORT[from].includes(to)) return null;
  const allowed = MAY_IMPORT[from].length === 0 ? 'nothing but itself' : MAY_IMPORT[from].join(', ');
  return `imports ${target}: ${from} may import ${allowed}, not ${to}`;
}

function laterStage(path: string, target: string): string | null {
  const order: readonly string[] = LAYERS.stages;
  const [from, to] = [order.indexOf(roomOf(path)), order.indexOf(roomOf(target))];
  return from >= 0 && to > from ? `imports ${target}: ${order[from]} comes before ${order[to]}` : null;
}

/** A top folder with its slash, or a file beside them. */
const roomOf = (path: string) => /^[^/]+\/?/.exec(path)?.[0] ?? path;

function layerOf(path: string): Layer | undefined {
  return (Object.keys(LAYERS) as Layer[]).find((layer) =>
    LAYERS[layer].some((part) => (part.endsWith('/') ? path.startsWith(part) : path === part)),
  );
}

interface Edge {
  readonly from: string;
  readonly to: string;
  /** The import that makes it. */
  readonly file: string;
  readonly line: number;
}

/** (b) and (c): a shortest loop through each node that is on one, each loop once, as `a.ts:3 → b.ts:7 → a.ts`. */
function circles(
  graph: ReadonlyMap<string, readonly Import[]>,
  nodeOf: (path: string) => string,
  what: string,
): Violation[] {
  const edges = new Map<string, Edge[]>();
  for (const [file, found] of graph)
    for (const { target, line } of found) {
      const [from, to] = [nodeOf(file), nodeOf(target)];
      if (!graph.has(target) || (from === to && what !== 'files')) continue;
      const own = edges.get(from) ?? [];
      if (!own.some((edge) => edge.to === to)) own.push({ from, to, file, line });
      edges.set(from, own);
    }
  const told = new Set<string>();
  const violations: Violation[] = [];
  for (const start of edges.keys()) {
    const loop = shortestLoop(start, edges);
    const name = [...new Set(loop.map(({ from }) => from))].sort().join(' ');
    const [first] = loop;
    if (first === undefined || told.has(name)) continue;
    told.add(name);
    const path = loop.map(({ file, line }) => `${file}:${line}`).join(' → ');
    violations.push({ file: first.file, line: first.line, rule: `circle of ${what}: ${path} → ${start}` });
  }
  return violations;
}

/** By breadth-first search; empty where there is none. */
function shortestLoop(start: string, edges: ReadonlyMap<string, readonly Edge[]>): Edge[] {
  const reached = new Map<string, Edge>();
  const queue = [start];
  for (const node of queue) {
    for (const edge of edges.get(node) ?? []) {
      if (edge.to === start) {
        const loop = [edge];
        while (loop[0] && loop[0].from !== start) loop.unshift(reached.get(loop[0].from) as Edge);
        return loop;
      }
      if (reached.has(edge.to)) continue;
      reached.set(edge.to, edge);
      queue.push(edge.to);
    }
  }
  return [];
}

// `import x from 'y'`, `export … from 'y'`, `import 'y'`, `import('y')` and `typeof import('y')`, also over several lines.
const IMPORT = /\b(?:from\s*|import\s*\(?\s*)(['"`])([^'"`\n]+)\1/g;
const REEXPORT = /\bexport\s+(?:type\s+)?(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?)\s*$/;
/** Comments, strings, templates and regular expressions, as far as telling them apart needs. */
const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|(?<=[(,=:[!&|?{};>]\s*|\breturn\s+)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])*\//g;
const SPECIFIER_FOLLOWS = /\b(?:from\s*|import\s*\(?\s*)$/;

/** The code alone: what imports nothing is blanked, not removed, so that lines keep their numbers. */
function codeOf(text: string): string {
  return text.replace(TOKEN, (token, at: number) => {
    const specifier = /^['"`]/.test(token) && SPECIFIER_FOLLOWS.test(text.slice(Math.max(0, at - 40), at));
    return specifier ? token : token.replace(/[^\n]/g, ' ');
  });
}

/** The relative imports of a file. */
function imports(path: string, text: string): Import[] {
  const code = codeOf(text);
  return [...code.matchAll(IMPORT)]
    .filter(([, , specifier]) => specifier?.startsWith('.'))
    .map((match) => ({
      line: code.slice(0, match.index).split('\n').length,
      target: join(dirname(path), match[2] as string).replaceAll('\\', '/'),
      reexport: REEXPORT.test(code.slice(0, match.index)),
    }));
}

/** The layer table is downwards itself: a loop in it would allow a circle. */
export function tableLoop(may: Readonly<Record<string, readonly string[]>> = MAY_IMPORT): string | null {
  const edges = new Map(
    Object.entries(may).map(([from, to]) => [
      from,
      to.map((layer) => ({ from, to: layer, file: from, line: 0 })),
    ]),
  );
  for (const layer of edges.keys()) {
    const loop = shortestLoop(layer, edges);
    if (loop.length > 0) return [...loop.map(({ from }) => from), layer].join(' → ');
  }
  return null;
}

/** The files of a folder that the rules are about, by their paths in it. */
export function sourcesOf(root: string): Map<string, string> {
  const files = globSync('**/*.{ts,tsx}', { cwd: root })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => !/\.(test|contract|slow|stack|faults)\.tsx?$/.test(file))
    .sort();
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = resolve(import.meta.dirname, '..', process.argv[2] ?? 'src');
  if (!existsSync(root)) throw new Error(`${root} does not exist`);
  const loop = tableLoop();
  if (loop !== null) throw new Error(`the layer table has a loop: ${loop}`);
  const violations = check(sourcesOf(root));
  for (const { file, line, rule } of violations) {
    console.error(`${relative(process.cwd(), join(root, file))}:${line} ${rule}`);
  }
  if (violations.length > 0) process.exitCode = 1;
}
