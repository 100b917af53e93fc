import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../errors.ts';
import { fileSize } from '../file-size.ts';
import { ADAPTER_CONFIG, CONFIG, contents, current } from '../model-folder.ts';
import { damaged, type GgufHeader, readHeader } from './header.ts';

/** An open GGUF file: its metadata and tensors are known and checked, their data is read on demand. */
export interface GgufFile extends GgufHeader {
  /** Read a tensor that there is, widened to float32, into `target`, which is of its size. */
  read(name: string, target: Float32Array): Promise<void>;
  close(): Promise<void>;
}

/** Numbers widened at a time; a multiple of every block. */
const PIECE = 1 << 20;

/** The GGUF file that a name leads to: itself, or the only one in a folder that is no checkpoint's; null for any other place. */
export async function ggufAt(place: string): Promise<string | null> {
  const found = await stat(place).catch(() => null);
  if (found !== null && !found.isDirectory()) return found.isFile() ? place : null;
  const folder = await current(place);
  const names = (await contents(folder)) ?? [];
  if (names.includes(CONFIG) || names.includes(ADAPTER_CONFIG)) return null;
  const [file, ...more] = names.filter((name) => name.endsWith('.gguf'));
  return file === undefined || more.length > 0 ? null : join(folder, file);
}

/** Open a GGUF file and check its header against its size; throws CheckpointError. */
export async function openGguf(path: string): Promise<GgufFile> {
  const size = await fileSize(path).catch((error: unknown) => {
    throw diskError('read', path, error);
  });
  const file = await open(path, 'r').catch((error: unknown) => {
    throw diskError('read', path, error);
  });
  try {
    const header = readHeader(path, file.fd, size);
    return {
      ...header,
      close: () => file.close(),
      async read(name, target) {
        const tensor = header.tensors.get(name);
        if (tensor === undefined) throw damaged(path, `it holds no tensor ${name}`);
        const { kind, begin, end } = tensor;
        const step = (PIECE / kind.elements) * kind.bytes;
        const elementsOf = (bytes: number) => (bytes / kind.bytes) * kind.elements;
        for (let at = begin; at < end; at += step) {
          const piece = new Uint8Array(Math.min(step, end - at));
          for (let filled = 0; filled < piece.length; ) {
            const { bytesRead } = await file
              .read(piece, filled, piece.length - filled, at + filled)
              .catch((error: unknown) => {
                throw diskError('read', path, error);
              });
            if (bytesRead === 0) throw damaged(path, `it ends at byte ${at + filled}`);
            filled += bytesRead;
          }
          const first = elementsOf(at - begin);
          kind.widen(piece.buffer, target.subarray(first, first + elementsOf(piece.length)));
          // Given back now, not at some collection: together they are as large as the file.
          piece.buffer.transfer(0);
        }
      },
    };
  } catch (error) {
    await file.close();
    throw diskError('read', path, error);
  }
}
