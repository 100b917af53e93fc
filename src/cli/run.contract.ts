import { vi } from 'vitest';
import { main } from './main.ts';

/** What a command line has said, and how it ended. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command line in this process, its streams kept from the terminal. */
export async function run(...args: string[]): Promise<Outcome> {
  const said = { out: '', err: '' };
  const spies = (['out', 'err'] as const).map((name) =>
    vi.spyOn(process[`std${name}`], 'write').mockImplementation((text, done?: unknown) => {
      said[name] += String(text);
      if (typeof done === 'function') done();
      return true;
    }),
  );
  try {
    return { code: await main(args), ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = 0;
  }
}
