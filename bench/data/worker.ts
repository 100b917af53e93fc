/** `node bench/data/worker.ts FOLDER TRIPLES`: builds; tells each phase as it begins, and in the end what it took. */
import { build } from './build.ts';

const [folder, triples] = process.argv.slice(2) as [string, string];
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const built = await build(folder, Number(triples), (phase) => say({ phase }));
say({ ...built, rssMB: process.resourceUsage().maxRSS / 1024 });
