import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

/** M0 from nothing, in the three steps of this folder: `npm run seed`. */

const HELP = `npm run seed

  Trains the seed model again from generated text (about 40 minutes on 2 cores), makes the held-out pairs with it and writes
  its card: seed/model, seed/loss.csv, seed/heldout and seed/CARD.md are replaced. Each step also runs alone, with places of its
  own: node seed/train.ts --out DIR --steps N --log FILE; node seed/heldout.ts --model DIR --out DIR; node seed/card.ts.
`;

try {
  const { values } = parseArgs({ options: { help: { type: 'boolean', default: false } } });
  if (values.help) process.stdout.write(HELP);
  else
    for (const step of ['train', 'heldout', 'card']) {
      const { status } = spawnSync(process.execPath, [`${import.meta.dirname}/${step}.ts`], {
        stdio: 'inherit',
      });
      if (status !== 0) {
        process.exitCode = status ?? 130;
        break;
      }
    }
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\nfix: see \`npm run seed -- --help\`\n`);
  process.exitCode = 2;
}
