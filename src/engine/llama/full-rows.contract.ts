import type { Tensor } from 'onnxruntime-node';
import { causalMask } from '../ops/softmax.ts';
import { tensor } from '../session.ts';
import { rowFeeds } from './attention-rows.ts';
import type { LlamaConfig } from './config.ts';
import { rotaryFeeds } from './forward.ts';
import { windowOf } from './layers.ts';

/** What hiddenStates takes beside ids, of sequences of one length: each fills a row. */
export function fullRowFeeds(config: LlamaConfig, batch: number, length: number): Record<string, Tensor> {
  const cells = Int32Array.from({ length: batch * length }, (_, i) => i);
  const positions = BigInt64Array.from(cells, (cell) => BigInt(cell % length));
  const mask = (window?: number) => tensor('float32', causalMask(length, window), [1, 1, 1, length, length]);
  const window = windowOf(config);
  return {
    ...rotaryFeeds(config, length),
    ...rowFeeds(config, { batch, length, cells, places: cells }),
    positions: tensor('int64', positions, [batch * length, 1]),
    mask: mask(),
    ...(window ? { 'mask.sliding': mask(window) } : {}),
  };
}
