/** A run in a process of its own, to be killed: its folder, the server and the start. */
import { runIn } from '../../src/index.ts';
import { SMALL, served } from './stack.ts';

const [folder, url, model] = process.argv.slice(2) as [string, string, string];
await runIn(folder, { ...SMALL, models: { judge: model }, serve: served(url) }, { until: 'M1-SFT' });
