/** What comes in one turn of the event loop together, at most `size`: rows are stored in few transactions, and soon. */
export async function* batches<T>(items: AsyncIterable<T>, size = 64): AsyncGenerator<T[], void, undefined> {
  const source = items[Symbol.asyncIterator]();
  let batch: T[] = [];
  try {
    for (;;) {
      const next = source.next();
      if (batch.length >= size || (batch.length > 0 && !(await comes(next)))) {
        yield batch;
        batch = [];
        await turn();
      }
      const { value, done } = await next;
      if (done) break;
      batch.push(value);
    }
    if (batch.length > 0) yield batch;
  } catch (error) {
    // What came before it is kept.
    if (batch.length > 0) yield batch;
    throw error;
  } finally {
    await source.return?.(undefined);
  }
}

/** Whether a promise settles in this turn of the event loop. */
export function comes(promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const ended = setImmediate(() => resolve(false));
    const settled = () => {
      // Where everything comes at once the turn ends late: those that wait for its end would pile up.
      clearImmediate(ended);
      resolve(true);
    };
    promise.then(settled, settled);
  });
}

/** The next turn of the event loop: timers, signals and other work have been heard by then, also where nothing is waited for because
 * it is all there already. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
