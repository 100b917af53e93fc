import { inspect } from 'node:util';
import { EvalPlannerError } from '../errors.ts';
import { printable } from './terminal.ts';

/** What stderr says about an error: what happened and what to do; the stack only on request. */
export function explain(error: unknown, { debug }: { readonly debug: boolean }): string {
  const lines =
    error instanceof EvalPlannerError
      ? [`error: ${oneLine(error.message)}`, `fix: ${oneLine(error.remedy)}`]
      : [
          `error: this is a bug in evalplanner: ${oneLine(error instanceof Error ? error.message : String(error))}`,
          debug
            ? 'fix: please report it with the text below and the command'
            : 'fix: run it again with --debug and report what it prints, with the command; `evalplanner doctor --json` helps too',
        ];
  if (debug) lines.push('', printable(inspect(error)));
  return `${lines.join('\n')}\n`;
}

/** Messages may quote files and models. */
function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim();
}
