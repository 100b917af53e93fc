import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { check, sourcesOf, tableLoop } from './check-imports.ts';

/** Each violation of a made-up tree as `file:line rule`. */
const violations = (tree: Readonly<Record<string, string>>) =>
  check(new Map(Object.entries(tree))).map(({ file, line, rule }) => `${file}:${line} ${rule}`);

describe('(a) layers', () => {
  test.each([
    ['import', `import { x } from '../model/embedded.ts';`],
    ['import type', `import type { X } from '../model/embedded.ts';`],
    ['import for its effects', `import '../model/embedded.ts';`],
    ['import()', `const later = () => import('../model/embedded.ts');`],
    ['import() of a template', 'const later = () => import(`../model/embedded.ts`);'],
    ['a type of import()', `type X = import('../model/embedded.ts').X;`],
    ['names over several lines', `import {\n  x,\n  y,\n} from "../model/embedded.ts";`],
  ])('a breach through %s', (_, code) => {
    const [found, ...rest] = violations({
      'thoughts/plans.ts': `export const a = 1;\n${code}`,
      'model/embedded.ts': '',
    });
    expect(found).toMatch(
      /^thoughts\/plans\.ts:[25] imports model\/embedded\.ts: stages may import words, ports, sampling, not adapters$/,
    );
    expect(rest).toEqual([]);
  });

  test('a breach through export … from is told as one, before it is told as a re-export', () => {
    expect(violations({ 'engine/graph.ts': `export { key } from '../key.ts';`, 'key.ts': '' })).toEqual([
      'engine/graph.ts:1 imports key.ts: engine may import nothing but itself, not words',
    ]);
  });

  test('ports stand for adapters everywhere but where things are opened', () => {
    const tree = (path: string, up: string) => ({
      [path]: `import { openStore } from '${up}store/ledger.ts';`,
      'store/ledger.ts': '',
    });
    for (const path of ['open/run.ts', 'cli/run/run.ts', 'serving/server.ts'])
      expect(violations(tree(path, '../'.repeat(path.split('/').length - 1)))).toEqual([]);
    expect(violations(tree('index.ts', './'))).toEqual([]);
    for (const path of [
      'pipeline.ts',
      'report/run/page.ts',
      'judging/judge.ts',
      'sampling/record.ts',
      'store.ts',
    ]) {
      const up = path.includes('/') ? '../'.repeat(path.split('/').length - 1) : './';
      expect(violations(tree(path, up))[0]).toContain('not adapters');
    }
  });

  test('what belongs to no layer, and what lies outside', () => {
    expect(violations({ 'utils.ts': '' })).toEqual([
      'utils.ts:1 belongs to no layer; add it to scripts/check-imports.ts',
    ]);
    expect(
      violations({ 'cli/main.ts': `import '../utils/x.ts';\nimport pkg from '../../package.json';` }),
    ).toEqual([
      'cli/main.ts:1 imports utils/x.ts, which belongs to no layer',
      'cli/main.ts:2 imports ../package.json, outside src/',
    ]);
  });

  test('packages and modules of node are free', () => {
    expect(violations({ 'engine/graph.ts': `import { z } from 'zod';\nimport fs from 'node:fs';` })).toEqual(
      [],
    );
  });
});

describe('(b) circles of files', () => {
  test('of three files, as its shortest loop with lines, once', () => {
    expect(
      violations({
        'text/a.ts': `// first\nimport { b } from './b.ts';`,
        'text/b.ts': `\n\nimport type { c } from './c.ts';\nimport './d.ts';`,
        'text/c.ts': `export const c = () => import('./a.ts');`,
        // A longer way round.
        'text/d.ts': `import './c.ts';`,
      }),
    ).toEqual([
      'text/a.ts:2 circle of files: text/a.ts:2 → text/b.ts:3 → text/c.ts:1 → text/a.ts',
      'text/d.ts:1 circle of files: text/d.ts:1 → text/c.ts:1 → text/a.ts:2 → text/b.ts:4 → text/d.ts',
    ]);
  });

  test('of a file with itself', () => {
    expect(violations({ 'text/a.ts': `import './a.ts';` })).toEqual([
      'text/a.ts:1 circle of files: text/a.ts:1 → text/a.ts',
    ]);
  });
});

describe('(c) circles of folders, and the order of stages', () => {
  test('two folders that need each other through different files', () => {
    expect(
      violations({
        'text/a.ts': `import '../answer/b.ts';`,
        'answer/b.ts': '',
        'answer/c.ts': `\nimport '../text/d.ts';`,
        'text/d.ts': '',
      }),
    ).toEqual(['text/a.ts:1 circle of top folders: text/a.ts:1 → answer/c.ts:2 → text/']);
  });

  test('a folder and the port beside it', () => {
    expect(
      violations({
        'store.ts': `import type { Row } from './rows/row.ts';`,
        'rows/row.ts': '',
        'rows/x.ts': `import type { Store } from '../store.ts';`,
      }),
    ).toEqual(['store.ts:1 circle of top folders: store.ts:1 → rows/x.ts:1 → store.ts']);
  });

  test('a stage imports earlier ones only', () => {
    const tree = (from: string, to: string) => ({
      [`${from}/x.ts`]: `import '../${to}/y.ts';`,
      [`${to}/y.ts`]: '',
    });
    expect(violations(tree('judging', 'thoughts'))).toEqual([]);
    expect(violations(tree('thoughts', 'judging'))).toEqual([
      'thoughts/x.ts:1 imports judging/y.ts: thoughts/ comes before judging/',
    ]);
  });
});

describe('(d) re-exports', () => {
  test.each([
    `export { x } from './answer/x.ts';`,
    `export type { X } from './answer/x.ts';`,
    `export * from './answer/x.ts';`,
    `export type * from './answer/x.ts';`,
    `export * as answers from './answer/x.ts';`,
    `export {\n  x,\n  type Y,\n} from './answer/x.ts';`,
  ])('only index.ts has them: %s', (code) => {
    expect(violations({ 'index.ts': code, 'answer/x.ts': '' })).toEqual([]);
    const [found, ...rest] = violations({ 'pipeline.ts': code, 'answer/x.ts': '' });
    expect(found).toMatch(/^pipeline\.ts:\d passes on answer\/x\.ts: only index\.ts does$/);
    expect(rest).toEqual([]);
  });

  test('an export of one’s own beside an import is none', () => {
    const code = `export { a };\nimport { x } from './answer/x.ts';\nexport const a = x;`;
    expect(violations({ 'pipeline.ts': code, 'answer/x.ts': '' })).toEqual([]);
  });
});

describe('what is no code does not count', () => {
  const breach = `import x from '../model/embedded.ts';`;
  test.each([
    ['a comment of a line', `// ${breach}`],
    ['a comment after code', `const a = 1; // ${breach}`],
    ['a comment of a block', `/* so:\n${breach}\n*/`],
    ['a string', `const text = "${breach}";`],
    ['a template', `const text = \`\n${breach}\n\`;`],
    ['a regular expression', `const pattern = /from '..\\/model\\/embedded.ts'/;`],
    ['a method called from', `const all = Array.from('../model/embedded.ts');`],
    ['a field called from', `const source = { from: '../model/embedded.ts' };`],
  ])('%s', (_, code) => {
    expect(violations({ 'thoughts/plans.ts': code, 'model/embedded.ts': '' })).toEqual([]);
  });

  test.each([
    ['a string that looks like a comment', `const files = glob('**/*.ts');`],
    ['a regular expression with a quote in it', 'const quote = /[`\'"]/;'],
    ['a regular expression with a comment’s beginning in it', 'const path = text.match(/a[/*]b/);'],
    ['an address', `const url = 'http://x';`],
    ['a template in a template', `const s = \`a $\{b ? \`c\` : ""} d\`;`],
    ['a division', 'const half = a / b; const other = c / d;'],
  ])('and hides none of the code after it: %s', (_, code) => {
    const tree = {
      'thoughts/plans.ts': `${code}\n${breach} // */ \` '`,
      'model/embedded.ts': '',
    };
    expect(violations(tree)).toHaveLength(1);
  });
});

test('the layer table has no loop, and one would be found', () => {
  expect(tableLoop()).toBeNull();
  expect(tableLoop({ ports: ['ledger'], words: [], ledger: ['words', 'ports'] })).toBe(
    'ports → ledger → ports',
  );
});

test('src/ keeps all rules', () => {
  const sources = sourcesOf(resolve(import.meta.dirname, '../src'));
  expect(sources.size).toBeGreaterThan(300);
  expect(sources.has('pipeline.ts')).toBe(true);
  expect([...sources.keys()].filter((path) => /test|contract|slow/.test(path))).toEqual([]);
  expect(check(sources)).toEqual([]);
});
