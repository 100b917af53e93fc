import type { Model } from '../model.ts';
import type { Models } from './stage.ts';

/** Opens models one after the other, and closes all that were opened, however the work with them ends. */
export async function withModels<T>(
  models: Models,
  names: readonly string[],
  work: (...opened: Model[]) => Promise<T>,
): Promise<T> {
  const opened: Model[] = [];
  const close = () => Promise.allSettled(opened.map((model) => model.close()));
  let result: T;
  try {
    for (const name of names) opened.push(await models.open(name));
    result = await work(...opened);
  } catch (error) {
    await close();
    throw error;
  }
  const failed = (await close()).find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return result;
}
