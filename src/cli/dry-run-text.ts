import { whole } from '../report/format.ts';
import type { DryRun } from '../sampling/dry-run.ts';
import { print } from './terminal.ts';

/** What a command would ask for, in place of its results. */
export async function printDryRun({ estimate, stored }: DryRun, json = false): Promise<void> {
  if (json) {
    await print(`${JSON.stringify({ dryRun: { ...estimate, stored } }, null, 2)}\n`);
    return;
  }
  const { requests, promptTokens, maxCompletionTokens, cost } = estimate;
  await print(
    `Nothing was asked. It would be:

generations        ${whole(requests)}${stored > 0 ? `, and ${whole(stored)} are in the store` : ''}
prompt tokens      about ${whole(promptTokens)}, at four bytes each
completion tokens  ${whole(maxCompletionTokens)} at most
cost               ${cost === null ? 'not known: give --prices' : `${cost.toFixed(4)} at most`}

A plan that is not written yet counts as the longest one, a prompt once for each answer
to it, and second questions (--reask) not at all.
`,
  );
}
