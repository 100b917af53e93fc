import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Megabytes of young generation that are enough for what is in flight. */
const YOUNG = 16;

/** Have V8 collect early. A process that only passes text on leaves nearly nothing that lives long, yet V8 lets hundreds of
 * megabytes pile up before it looks: the old generation may grow by a quarter between two collections, the young one up to
 * YOUNG. V8 reads these flags at every collection; other versions may not know them, and would say so on stderr. */
export function collectEarly(): void {
  if (!process.versions.node.startsWith('24.')) return;
  setFlagsFromString('--heap-growing-percent=25');
  const watch = setInterval(() => {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    if (young === undefined || young.space_size < YOUNG * 2 ** 20) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(watch);
  }, 20).unref();
}
