import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

/** Whether a text in backticks names a file or folder; `.wat` and its like are endings, and what has a space is a command. */
const isPath = (text: string) => /^\S+$/.test(text) && (/\w\//.test(text) || /^[\w-]+\.[a-z]+$/.test(text));

const there = (path: string) =>
  path.includes('*') ? globSync(path, { cwd: ROOT }).length > 0 : existsSync(join(ROOT, path));

test('every path in CONTRIBUTING.md is there, from the root or from src/', () => {
  const text = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  const paths = [...text.matchAll(/`([^`\n]+)`/g)].map(([, path]) => path as string).filter(isPath);
  expect(paths.length).toBeGreaterThan(50);
  expect(paths.filter((path) => !there(path) && !there(join('src', path)))).toEqual([]);
});

test('each layer there is that of scripts/check-imports.ts, file by file', () => {
  const table = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  const [, layers = ''] = /const LAYERS = \{([\s\S]*?)\n\}/.exec(
    readFileSync(join(ROOT, 'scripts/check-imports.ts'), 'utf8'),
  ) as RegExpExecArray;
  for (const [, layer, parts = ''] of layers.matchAll(/(\w+): \[([^\]]*)\]/g)) {
    const named = [...parts.matchAll(/'([^']+)'/g)].map(([, part]) => `\`${part}\``);
    if (['open', 'cli', 'index'].includes(layer as string)) continue;
    expect(table).toContain(`| ${layer} | ${named.join(' ')} |`);
  }
});
