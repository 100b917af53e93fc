import { CheckpointError, shown } from '../errors.ts';
import type { LoraConfig } from './adapter.ts';

type Json = Readonly<Record<string, unknown>>;

/** The model that an adapter is for. */
export interface LoraBase {
  /** base_model_name_or_path: a folder, or the name of a model on the Hugging Face hub. */
  readonly base: string;
  /** Of a model on the hub: a branch, a tag or a commit. */
  readonly revision?: string;
}

/** PEFT's adapter_config.json of an adapter of ours. */
export function loraToJson({ rank, alpha, targets }: LoraConfig, { base, revision }: LoraBase): Json {
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base,
    ...(revision === undefined ? {} : { revision }),
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0.0,
    target_modules: targets,
    bias: 'none',
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
    init_lora_weights: true,
    inference_mode: true,
  };
}

/** Fields that do not change what an adapter computes, whatever they hold. */
const INERT = new Set([
  'auto_mapping',
  'base_model_name_or_path',
  'ensure_weight_tying',
  'eva_config',
  'inference_mode',
  'lora_dropout', // of training only
  'megatron_core',
  'peft_version',
  'qalora_group_size',
  'revision',
]);
/** Fields read below. */
const READ = new Set(['peft_type', 'task_type', 'r', 'lora_alpha', 'target_modules']);
/** Initialisations that leave the base as it is: the adapter's weights are all there is to them. */
const INITIALISATIONS: readonly unknown[] = [true, false, null, 'gaussian', 'eva', 'orthogonal'];

/** Not used: absent, or the value that PEFT writes for an option that is off. */
function isOff(name: string, value: unknown): boolean {
  if (name === 'bias') return value === 'none';
  if (name === 'init_lora_weights') return INITIALISATIONS.includes(value);
  return (
    value === null ||
    value === false ||
    (typeof value === 'object' && Object.keys(value as object).length === 0)
  );
}

export interface AdapterDescription extends LoraBase {
  readonly lora: Omit<LoraConfig, 'targets'> & { readonly targets: readonly string[] | 'all-linear' };
}

/** Read adapter_config.json; `path` names it in errors. Every option of PEFT that this engine does not run is refused
 * by its name. Throws CheckpointError. */
export function loraFromJson(path: string, text: string): AdapterDescription {
  const unsupported = (what: string, remedy: string) =>
    new CheckpointError('unsupported', `${path}: ${what}`, remedy);
  const malformed = (what: string, cause?: unknown) => {
    const remedy = 'Correct adapter_config.json, or save or download the adapter again.';
    return new CheckpointError('format', `${path}: ${what}`, remedy, cause);
  };
  const MERGE =
    'Merge it into its base with PEFT (merge_and_unload, then save_pretrained), and use the merged checkpoint.';

  let raw: Json;
  try {
    raw = JSON.parse(text) as Json;
  } catch (error) {
    throw malformed('it is not JSON', error);
  }
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw)) throw malformed('it is not an object');

  if (raw.peft_type !== 'LORA') {
    throw unsupported(`peft_type is ${shown(raw.peft_type)}; this engine runs LORA`, MERGE);
  }
  if (raw.task_type !== undefined && raw.task_type !== null && raw.task_type !== 'CAUSAL_LM') {
    throw unsupported(`task_type is ${shown(raw.task_type)}; this engine runs CAUSAL_LM`, MERGE);
  }
  for (const [name, value] of Object.entries(raw)) {
    if (INERT.has(name) || READ.has(name) || isOff(name, value)) continue;
    throw unsupported(`${shown(name)} is ${shown(value)}; this engine runs plain LoRA without it`, MERGE);
  }

  const { r: rank, lora_alpha: alpha, target_modules: modules, base_model_name_or_path: base } = raw;
  if (!Number.isSafeInteger(rank) || (rank as number) < 1) {
    throw malformed(`r is ${shown(rank)}, not a positive whole number`);
  }
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) {
    throw malformed(`lora_alpha is ${shown(alpha)}, not a number`);
  }
  const isList = Array.isArray(modules) && modules.every((name) => typeof name === 'string');
  if (!isList && modules !== 'all-linear') {
    const what = `target_modules is ${shown(modules)}; this engine reads a list of names or "all-linear"`;
    throw unsupported(what, 'List the modules by name.');
  }
  if (modules.length === 0) throw malformed('target_modules is empty');
  const targets = modules as readonly string[] | 'all-linear';
  // As long as a path of Linux may be; the file system would repeat it whole.
  if (typeof base !== 'string' || base === '' || base.length > 4096 || /\p{Cc}/u.test(base)) {
    throw malformed(`base_model_name_or_path is ${shown(base)}, not a folder`);
  }
  const { revision } = raw;
  return {
    lora: { rank: rank as number, alpha, targets },
    base,
    ...(typeof revision === 'string' && revision !== '' ? { revision } : {}),
  };
}
