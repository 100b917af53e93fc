import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parse } from 'yaml';
import { EvalPlannerError } from '../../errors.ts';
import { makeFolder, writeAtomically } from '../../files.ts';
import { diskFailure } from '../../store/failure.ts';
import { print } from '../terminal.ts';
import { TEMPLATES, type Template, yamlConfig } from './templates.ts';

export interface InitCommand {
  readonly template?: string;
  readonly typescript?: boolean;
}

/** `evalplanner init`: a config, example data and .gitignore, and what to do with them. */
export async function init(folder: string, command: InitCommand, signal: AbortSignal): Promise<void> {
  const name = command.template ?? (await asked(signal));
  const template = TEMPLATES[name] as Template;
  const file = `evalplanner.config.${command.typescript ? 'ts' : 'yaml'}`;
  const yaml = yamlConfig(template);
  const files: Record<string, string> = {
    [file]: command.typescript ? typescript(yaml) : yaml,
    ...template.data(),
  };
  const there = Object.keys(files).find((path) => existsSync(join(folder, path)));
  if (there !== undefined)
    throw new EvalPlannerError(
      'usage',
      `${join(folder, there)} is there already`,
      'name another folder; nothing was written',
    );
  if (!existsSync(join(folder, '.gitignore'))) files['.gitignore'] = 'node_modules/\nruns/\n';
  try {
    for (const [path, text] of Object.entries(files)) {
      makeFolder(dirname(join(folder, path)));
      await writeAtomically(join(folder, path), text);
    }
  } catch (error) {
    throw diskFailure(error, folder);
  }
  const inside = relative('.', folder);
  const run = `runs/${basename(resolve(folder)) || 'judge'}-0`;
  await print(`wrote ${Object.keys(files).join(', ')}${inside === '' ? '' : ` in ${folder}`}

Next:
  $ ${inside === '' ? '' : `cd ${folder} && `}evalplanner run ${file} --out ${run}
  $ evalplanner audit ${run}
  $ evalplanner judge --model ${run}/checkpoints/M2-DPO --instruction "…" --a "…" --b "…"

The example data is of the built-in playground, so that this runs as it is; then put your own in its place.
`);
}

async function asked(signal: AbortSignal): Promise<string> {
  const names = Object.keys(TEMPLATES);
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new EvalPlannerError(
      'usage',
      'there is no terminal to ask on',
      `say what you have: --template ${names.join(', --template ')}`,
    );
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const list = names.map((name, i) => `  ${i + 1}  ${name}: ${TEMPLATES[name]?.what}`).join('\n');
    for (;;) {
      const answer = (
        await lines.question(`What do you have?\n${list}\n1 to ${names.length}: `, { signal })
      ).trim();
      const found = names[Number(answer) - 1] ?? names.find((name) => name === answer);
      if (found !== undefined) return found;
    }
  } finally {
    lines.close();
  }
}

/** The same config as a module. Comments are YAML's, above each part of it. */
function typescript(yaml: string): string {
  const config = JSON.stringify(parse(yaml), null, 2).replace(/"([A-Za-z]\w*)":/g, '$1:');
  return `import { defineConfig } from 'evalplanner';\n\nexport default defineConfig(${config});\n`;
}
