import { seedOf } from '../random.ts';

interface Drawn<T> {
  readonly item: T;
  readonly draw: number;
  readonly place: number;
}

/** A uniform sample of `size` items in their order, from a source of any length; `left` hears of every item that is not in it.
 * An item is in by its own key and the seed (the least hashes win), so that rows added to a source change the sample little. */
export async function sample<T>(
  items: AsyncIterable<T>,
  size: number,
  seed: number,
  keyOf: (item: T) => string,
  left: (item: T) => void,
): Promise<T[]> {
  // A binary heap, the largest draw on top.
  const heap: Drawn<T>[] = [];
  const above = (a: Drawn<T>, b: Drawn<T>) => a.draw > b.draw || (a.draw === b.draw && a.place > b.place);
  let place = 0;
  for await (const item of items) {
    const drawn = { item, draw: seedOf('sample', seed, keyOf(item)), place: place++ };
    if (heap.length < size) {
      heap.push(drawn);
      for (let i = heap.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (!above(heap[i] as Drawn<T>, heap[parent] as Drawn<T>)) break;
        swap(heap, i, parent);
        i = parent;
      }
      continue;
    }
    const top = heap[0];
    if (top === undefined || above(drawn, top)) {
      left(item);
      continue;
    }
    left(top.item);
    heap[0] = drawn;
    for (let i = 0; ; ) {
      const [l, r] = [2 * i + 1, 2 * i + 2];
      let most = i;
      if (l < heap.length && above(heap[l] as Drawn<T>, heap[most] as Drawn<T>)) most = l;
      if (r < heap.length && above(heap[r] as Drawn<T>, heap[most] as Drawn<T>)) most = r;
      if (most === i) break;
      swap(heap, i, most);
      i = most;
    }
  }
  return heap.sort((a, b) => a.place - b.place).map(({ item }) => item);
}

function swap<T>(list: T[], i: number, j: number): void {
  [list[i], list[j]] = [list[j] as T, list[i] as T];
}
