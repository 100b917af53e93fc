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
    const settled = () => resolve(true);
    promise.then(settled, settled);
    setImmediate(() => resolve(false));
  });
}
