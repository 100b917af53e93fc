/** `npm run test:stack`: the programs of others that a config may name. `-- --full` compares a whole run on them with the embedded one, `-- --faults`
 * kills them; what else is given goes to vitest. */
import { spawn } from 'node:child_process';

const given = process.argv.slice(2);
const kinds = ['full', 'faults'].filter((kind) => given.includes(`--${kind}`));
const rest = given.filter((one) => !kinds.includes(one.replace(/^--/, '')));
if (kinds.length > 1) throw new Error('give --full or --faults');

const [kind = process.env.STACK ?? ''] = kinds;
const vitest = spawn('vitest', ['run', '--config', 'vitest.stack.config.ts', ...rest], {
  stdio: 'inherit',
  env: { ...process.env, STACK: kind },
  shell: process.platform === 'win32',
});
vitest.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
