import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { exportRows } from '../src/exports/export.ts';
import { lossMask } from '../src/exports/loss-mask.ts';
import { judgeRows } from '../src/exports/rows.contract.ts';
import {
  openTemplate,
  TEMPLATES,
  type TemplateName,
  tokenizerFiles,
} from '../src/exports/templates.contract.ts';
import { reference, scratch } from './reference.ts';

const python = inject('python');
const NAMES = Object.keys(TEMPLATES) as TemplateName[];

interface Masked {
  readonly ids: readonly number[];
  readonly mask: readonly boolean[];
}

let folder: string;
beforeAll(async () => {
  folder = await scratch();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function exported(
  kind: 'sft' | 'dpo',
  rows: readonly object[],
  extension: string,
  style: 'chat' | 'text',
) {
  const path = join(folder, `${kind}-${style}.${extension}`);
  const source = (async function* () {
    for (const value of rows) yield { value, file: 'rows', at: 'a row' };
  })();
  await exportRows(source, path, { format: 'trl', style });
  return path;
}

async function tokenizerFolder(name: TemplateName): Promise<string> {
  const dir = join(folder, name.replace(' ', '-'));
  await mkdir(dir, { recursive: true });
  for (const [file, text] of Object.entries(tokenizerFiles(name)))
    if (file !== 'chat_template.jinja') await writeFile(join(dir, file), text);
  return dir;
}

describe.skipIf(python === null)('TRL masks an exported file as lossMask says', () => {
  const rows = [...judgeRows('published'), ...judgeRows('playground')];
  const sft = rows.map(({ prompt, chosen }) => ({ prompt, completion: chosen }));

  describe.each(NAMES)('by the chat template of %s', (name) => {
    const { tokens, render } = openTemplate(name);
    const ours = (prompt: string, completion: string): Masked => {
      const { ids, mask } = lossMask(render, (text) => tokens.encode(text), prompt, completion);
      return { ids, mask };
    };

    it.each(['jsonl', 'parquet'])('SFT rows, %s', async (extension) => {
      const path = await exported('sft', sft, extension, 'chat');
      const dir = await tokenizerFolder(name);
      const { template } = TEMPLATES[name];
      const theirs = await reference().ask<Masked[]>({ do: 'masks', kind: 'sft', dir, path, template });
      expect(theirs).toEqual(sft.map(({ prompt, completion }) => ours(prompt, completion)));
    });

    it('preference rows', async () => {
      const path = await exported('dpo', rows, 'jsonl', 'chat');
      const dir = await tokenizerFolder(name);
      const { template } = TEMPLATES[name];
      const theirs = await reference().ask<Masked[]>({ do: 'masks', kind: 'dpo', dir, path, template });
      expect(theirs).toEqual(
        rows.flatMap(({ prompt, chosen, rejected }) => [ours(prompt, chosen), ours(prompt, rejected)]),
      );
    });
  });

  it('rows of text: the prompt’s tokens, then the completion’s and the end', async () => {
    const path = await exported('sft', sft, 'jsonl', 'text');
    const dir = await tokenizerFolder('Qwen 2');
    const theirs = await reference().ask<Masked[]>({ do: 'masks', kind: 'sft', dir, path, template: null });
    const { tokens, eos } = openTemplate('Qwen 2');
    expect(theirs).toEqual(
      sft.map(({ prompt, completion }) => {
        const ids = [...tokens.encode(prompt + completion), eos];
        const shown = tokens.encode(prompt).length;
        return { ids, mask: ids.map((_, i) => i >= shown) };
      }),
    );
  });
});
