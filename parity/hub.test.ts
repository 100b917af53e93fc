import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { type FakeHub, startHub } from '../src/hub/server.contract.ts';
import { openCheckpoint } from '../src/model/local/checkpoint.ts';
import { hubModels } from '../src/model/local/hub-models.contract.ts';

const python = inject('python');
const run = promisify(execFile);

const OPEN = `
import sys, json
name, kind = sys.argv[1:]
from transformers import AutoModelForCausalLM, AutoTokenizer
if kind == "adapter":
    from peft import AutoPeftModelForCausalLM
    model = AutoPeftModelForCausalLM.from_pretrained(name)
    name = model.peft_config["default"].base_model_name_or_path
    model = model.merge_and_unload()
else:
    model = AutoModelForCausalLM.from_pretrained(name)
AutoTokenizer.from_pretrained(name)
print(json.dumps(float(model.model.layers[0].self_attn.q_proj.weight.double().sum())))
`;

/** The sum of the first query projection as Python opens the model, by its name on the hub. */
async function opened(name: string, kind: 'model' | 'adapter'): Promise<number> {
  const { stdout } = await run(python as string, ['-c', OPEN, name, kind], { env: process.env });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as number;
}

async function ours(name: string): Promise<number> {
  const { parameters } = await openCheckpoint(`hf:${name}`);
  return parameters.get('model.layers.0.self_attn.q_proj.weight').reduce((sum, value) => sum + value, 0);
}

/** Blobs, links and refs of the cache of models. */
const layout = (home: string) =>
  readdirSync(join(home, 'hub'), { recursive: true, withFileTypes: true })
    .map((file) => {
      const path = join(file.parentPath, file.name);
      const name = path.slice(home.length);
      return file.isSymbolicLink() ? `${name} → ${readlinkSync(path)}` : name;
    })
    .filter((name) => /models--.*\/(?:blobs|refs|snapshots)\//.test(name) && !name.includes('.no_exist'))
    .sort();

describe.skipIf(python === null)("the hub's cache", () => {
  let hub: FakeHub;
  beforeAll(async () => {
    const { whole, sharded, adapter } = await hubModels('mine/whole');
    hub = await startHub({
      models: {
        'mine/whole': { main: whole },
        'mine/sharded': { main: sharded },
        'mine/adapter': { main: adapter },
      },
    });
  });
  afterAll(() => hub?.close());

  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'hub-parity-'));
    const environment = { HF_ENDPOINT: hub.url, HF_HOME: home, HF_TOKEN: '', HF_HUB_OFFLINE: '0' };
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(home, { recursive: true });
  });

  it.each(['mine/whole', 'mine/sharded', 'mine/adapter'])(
    'of %s serves transformers and PEFT offline once we have filled it, and us once they have',
    async (name) => {
      const kind = name === 'mine/adapter' ? 'adapter' : 'model';
      const ourSum = await ours(name);
      const ourLayout = layout(home);
      vi.stubEnv('HF_HUB_OFFLINE', '1');
      hub.asked.length = 0;
      expect(await opened(name, kind)).toBeCloseTo(ourSum, 4);
      expect(hub.asked).toEqual([]);

      rmSync(home, { recursive: true });
      vi.stubEnv('HF_HUB_OFFLINE', '0');
      expect(await opened(name, kind)).toBeCloseTo(ourSum, 4);
      const theirs = layout(home);
      vi.stubEnv('HF_HUB_OFFLINE', '1');
      hub.asked.length = 0;
      expect(await ours(name)).toBeCloseTo(ourSum, 4);
      expect(hub.asked).toEqual([]);
      // They leave out what they do not read, as the README, and put nothing anywhere else.
      expect(ourLayout).toEqual(expect.arrayContaining(theirs));
    },
    300_000,
  );
});
