import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parse } from 'yaml';
import { EvalPlannerError } from '../../errors.ts';
import { makeFolder, writeAtomically } from '../../files.ts';
import { diskFailure } from '../../store/failure.ts';
import { print } from '../terminal.ts';
import { fasterTrl, readTrainerSpeeds } from '../trainer-speeds.ts';
import { TEMPLATES, type Template } from './templates.ts';

export interface InitCommand {
  readonly template?: string;
  readonly typescript?: boolean;
}

/** `evalplanner init`: a config, example data and .gitignore, and what to do with them. */
export async function init(folder: string, command: InitCommand, signal: AbortSignal): Promise<void> {
  const name = command.template ?? (await asked(signal));
  const template = TEMPLATES[name] as Template;
  const file = `evalplanner.config.${command.typescript ? 'ts' : 'yaml'}`;
  const { before, environment } = template;
  const speeds = await readTrainerSpeeds();
  const faster = speeds && !/^trainer:/m.test(template.config) ? fasterTrl(speeds) : null;
  const yaml = faster === null ? template.config : withTrl(template.config, faster);
  const files: Record<string, string> = {
    [file]: command.typescript ? typescript(yaml) : yaml,
    ...template.files(),
  };
  const taken = Object.keys(files).find((path) => existsSync(join(folder, path)));
  if (taken !== undefined)
    throw new EvalPlannerError(
      'usage',
      `${join(folder, taken)} is there already`,
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
  const commands = [
    ...before,
    `${environment === undefined ? '' : `${environment} `}evalplanner run ${file} --out ${run}`,
    `evalplanner audit ${run}`,
    `evalplanner judge --model ${run}/checkpoints/M2-DPO --instruction "…" --a "…" --b "…"`,
  ];
  const there = inside === '' ? '' : `cd ${folder} && `;
  await print(`wrote ${Object.keys(files).join(', ')}${inside === '' ? '' : ` in ${folder}`}

Next:
${commands.map((command, i) => `  $ ${i === 0 ? there : ''}${command}`).join('\n')}

${template.advice}${faster === null ? '' : ` TRL trains ${faster.times.toFixed(1)} × as fast here (${speeds?.model}), as \`evalplanner doctor --trainers\` found: the config proposes it.`}
`);
}

/** With a proposal behind the prompts: what it is measured on may be another model. */
function withTrl(yaml: string, { precision, times }: NonNullable<ReturnType<typeof fasterTrl>>): string {
  const proposal = `# trainer: { kind: trl, precision: ${precision} } # ${times.toFixed(1)} × as fast here (evalplanner doctor --trainers)`;
  return yaml.replace(/^prompts:.*$/m, (line) => `${line}\n${proposal}`);
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
