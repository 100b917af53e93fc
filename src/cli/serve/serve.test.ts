import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { main } from '../main.ts';
import { run } from '../run.contract.ts';

const BIN = fileURLToPath(new URL('../main.ts', import.meta.url));

function serve(...args: string[]): { child: ChildProcess; errors: () => string } {
  const child = spawn(process.execPath, [BIN, 'serve', '--json', ...args], {
    env: { ...process.env, NO_COLOR: '1' },
  });
  let text = '';
  child.stderr.on('data', (data) => {
    text += data;
  });
  return { child, errors: () => text };
}

async function firstLine(child: ChildProcess): Promise<{ url: string; model: string }> {
  for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line);
  throw new Error('it printed nothing');
}

test('serves until Ctrl-C, which lets requests end and leaves the port', async () => {
  const { child } = serve('--port', '0', '--served-model-name', 'm0');
  const ended = once(child, 'exit');
  const { url, model } = await firstLine(child);
  expect(model).toBe('m0');

  // How it is asked for a judgment is known to its folder alone; a server's is asked for a plan, then for its execution.
  const models = (await (await fetch(`${url}/v1/models`)).json()) as { data: object[] };
  expect(models.data).toMatchObject([{ id: 'm0', judge: { prompts: 'playground', form: 'planned' } }]);
  const judged = await run(
    ...[
      'judge',
      '--base-url',
      `${url}/v1`,
      '--api',
      'completions',
      '--model',
      'm0',
      '--prompts',
      'playground',
    ],
    ...[
      '--instruction',
      'Count down from 9 to 5.',
      '--a',
      '9 8 7 6 5',
      '--b',
      '9 8 7 6',
      '--votes',
      '2',
      '--json',
    ],
  );
  const { orders, usage } = JSON.parse(judged.out);
  expect(usage.asked).toBe(5);
  for (const { votes } of orders) expect(votes).toMatchObject([{ plan: expect.any(String) }, {}]);

  const second = serve('--port', new URL(url).port);
  expect(await once(second.child, 'exit')).toEqual([3, null]);
  expect(second.errors()).toMatch(
    /^error: cannot listen on .* another program listens there\nfix: .+--port.+\n$/,
  );

  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ prompt: 'Name 2 words.', temperature: 1000, max_tokens: 100, n: 2, stream: true }),
  });
  child.kill('SIGINT');
  expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/);
  expect(await ended).toEqual([0, null]);
  await expect(fetch(`${url}/health`)).rejects.toThrow();
});

test.each([
  [['--port', '65536'], 2, '65535'],
  [['--max-model-len', '257'], 2, 'at most 256'],
  [['--max-num-seqs', '100000000'], 2, '--max-num-seqs'],
  [['--api-key-env', 'EVALPLANNER_NO_SUCH_KEY'], 2, 'EVALPLANNER_NO_SUCH_KEY'],
  [['no/such/folder'], 2, 'there is no model no/such/folder'],
  [['openai:x@http://h/v1'], 2, 'is a model of a server'],
])('%j is refused', async (args, code, message) => {
  const written: string[] = [];
  const write = process.stderr.write;
  process.stderr.write = (text) => written.push(String(text)) > 0;
  try {
    expect(await main(['serve', ...args])).toBe(code);
  } finally {
    process.stderr.write = write;
  }
  expect(written.join('')).toMatch(/^error: .+\nfix: .+\n$/);
  expect(written.join('')).toContain(message);
});
