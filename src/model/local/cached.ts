import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../../engine/errors.ts';
import { configFromJson } from '../../engine/llama/config-json.ts';
import { loraFromJson } from '../../engine/lora/config-json.ts';
import { isWhole } from './hub.ts';
import { type MemoryNeeds, memoryNeeds } from './memory.ts';

/** A model in the hub's cache, at one commit. */
export interface CachedModel {
  /** As it is opened: `hf:OWNER/NAME`, with `@COMMIT` where `main` is another, or with `:FILE.gguf`. */
  readonly name: string;
  readonly commit: string;
  /** The branches and tags that are at it. */
  readonly refs: readonly string[];
  readonly bytes: number;
  /** As its own files say; null where they do not. */
  readonly architecture: string | null;
  /** Why this engine does not run it; null where it does, or where that is not known before it is opened. */
  readonly refused: string | null;
  /** Null where its config does not say. */
  readonly needs: MemoryNeeds | null;
}

/** What this engine knows of a folder that may be a checkpoint or an adapter. */
export type Described = Pick<CachedModel, 'architecture' | 'refused' | 'needs'>;

/** The models in the hub's cache, by name; `warnings` say what of it could not be read. */
export async function cachedModels(): Promise<{
  readonly cache: string;
  readonly models: readonly CachedModel[];
  readonly warnings: readonly string[];
}> {
  const { getHFHubCachePath, scanCacheDir } = await import('@huggingface/hub');
  const cache = getHFHubCachePath();
  const { repos, warnings } = await scanCacheDir(cache).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return { repos: [], warnings: [] };
    throw error;
  });
  const models: CachedModel[] = [];
  for (const { id, revisions } of repos) {
    if (id.type !== 'model') continue;
    for (const { commitOid: commit, path, refs, files, size } of revisions) {
      const at = refs.includes('main') ? '' : `@${refs[0] ?? commit}`;
      const base = { commit, refs };
      const names = files.map((file) => file.path.slice(path.length + 1));
      if (names.some((name) => ['config.json', 'adapter_config.json'].includes(name)))
        models.push({ ...base, name: `hf:${id.name}${at}`, bytes: size, ...(await described(path)) });
      for (const [i, file] of files.entries())
        if (names[i]?.endsWith('.gguf'))
          models.push({
            ...base,
            name: `hf:${id.name}${at}:${names[i]?.replaceAll('\\', '/')}`,
            bytes: file.blob.size,
            architecture: 'GGUF',
            refused: null,
            needs: null,
          });
    }
  }
  models.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { cache, models, warnings: warnings.map(({ message }) => message) };
}

/** What a folder's own files say of it, none of its weights read. */
export async function described(folder: string): Promise<Described> {
  const read = (name: string) => readFile(join(folder, name), 'utf8').catch(() => null);
  let architecture: string | null = null;
  try {
    const adapter = await read('adapter_config.json');
    const [config, generation] = [await read('config.json'), await read('generation_config.json')];
    let needs: MemoryNeeds | null = null;
    if (adapter !== null) {
      const { base } = loraFromJson('adapter_config.json', adapter);
      architecture = `LoRA of ${base}`;
    } else if (config !== null) {
      architecture = architectureOf(config);
      needs = memoryNeeds(
        configFromJson(
          'config.json',
          config,
          generation === null ? undefined : { path: 'generation_config.json', text: generation },
        ),
      );
    }
    const whole = await isWhole(folder);
    return { architecture, refused: whole ? null : 'it is here in part only', needs };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return { architecture, refused: error.message, needs: null };
  }
}

function architectureOf(config: string): string | null {
  try {
    const { architectures, model_type: type } = JSON.parse(config) as Record<string, unknown>;
    const [named] = Array.isArray(architectures) ? architectures : [type];
    return typeof named === 'string' ? named.slice(0, 100) : null;
  } catch {
    return null;
  }
}
