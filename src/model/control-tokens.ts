import type { Prompt } from '../model.ts';

/** What most tokenizers make single tokens of: `<|im_end|>`, `<｜User｜>`, `[|endofturn|]`, and with a bar on one side `<|turn>`, `<turn|>`,
 * whatever the name. Nothing else that people write has this shape. */
const SHAPE =
  /(?<open>[<[])(?=(?<bar>[|｜])[^\s|｜<>[\]]{1,64}\k<bar>[>\]]|(?<=<)(?:[|｜][\p{L}\p{N}_▁.:-]{1,64}|[\p{L}\p{N}_▁.:-]{1,64}[|｜])>)/gu;

/** Control tokens of the chat templates that servers use, by family, of SHAPE or not. A server's tokenizer is not known here, and the
 * name of a model says nothing sure of it: all of them are broken for each. So is HTML's `<s>`, which Llama 2's and Mistral's
 * tokenizers read as a begin of text wherever it stands: what an eye reads stays the same. */
export const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  // Qwen2 to Qwen3, Yi, SmolLM2 and others: https://huggingface.co/Qwen/Qwen2.5-7B-Instruct/blob/main/tokenizer_config.json,
  // https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct/blob/main/tokenizer_config.json
  ChatML: ['<|im_start|>', '<|im_end|>', '<|endoftext|>'],
  // https://www.llama.com/docs/model-cards-and-prompt-formats/meta-llama-2/
  'Llama 2': ['<s>', '</s>', '[INST]', '[/INST]', '<<SYS>>', '<</SYS>>'],
  // https://www.llama.com/docs/model-cards-and-prompt-formats/meta-llama-3/, …/llama3_1/
  'Llama 3': [
    '<|begin_of_text|>',
    '<|end_of_text|>',
    '<|start_header_id|>',
    '<|end_header_id|>',
    '<|eot_id|>',
    '<|eom_id|>',
    '<|python_tag|>',
  ],
  // https://www.llama.com/docs/model-cards-and-prompt-formats/llama4/
  'Llama 4': ['<|header_start|>', '<|header_end|>', '<|eot|>', '<|eom|>'],
  // https://ai.google.dev/gemma/docs/core/prompt-structure
  Gemma: ['<bos>', '<eos>', '<start_of_turn>', '<end_of_turn>'],
  // https://ai.google.dev/gemma/docs/core/prompt-formatting-gemma4
  'Gemma 4': [
    ...['<|turn>', '<turn|>', '<|channel>', '<channel|>', '<|think|>', '<|"|>', '<|image|>', '<|audio|>'],
    ...['<|tool>', '<tool|>', '<|tool_call>', '<tool_call|>', '<|tool_response>', '<tool_response|>'],
    ...['<|image>', '<image|>', '<|audio>', '<audio|>'],
  ],
  // https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/tokens/tokenizers/base.py (SpecialTokens)
  Mistral: [
    '[SYSTEM_PROMPT]',
    '[/SYSTEM_PROMPT]',
    '[AVAILABLE_TOOLS]',
    '[/AVAILABLE_TOOLS]',
    '[TOOL_CALLS]',
    '[TOOL_RESULTS]',
    '[/TOOL_RESULTS]',
    '[TOOL_CONTENT]',
    '[ARGS]',
    '[CALL_ID]',
    '[IMG]',
    '[IMG_BREAK]',
    '[IMG_END]',
    '[PREFIX]',
    '[MIDDLE]',
    '[SUFFIX]',
    '<unk>',
    '<pad>',
    ...['[THINK]', '[/THINK]', '[MODEL_SETTINGS]', '[/MODEL_SETTINGS]', '[AUDIO]', '[BEGIN_AUDIO]'],
    ...['[TRANSCRIBE]', '[STREAMING_PAD]', '[STREAMING_WORD]', '[NEXT_AUDIO_TEXT]', '[REPEAT_AUDIO_TEXT]'],
  ],
  // https://huggingface.co/microsoft/Phi-3-mini-4k-instruct/blob/main/tokenizer_config.json
  'Phi-3': ['<|system|>', '<|user|>', '<|assistant|>', '<|end|>'],
  // https://huggingface.co/deepseek-ai/DeepSeek-V3/blob/main/tokenizer_config.json
  DeepSeek: ['<｜begin▁of▁sentence｜>', '<｜end▁of▁sentence｜>', '<｜User｜>', '<｜Assistant｜>'],
  // https://cookbook.openai.com/articles/openai-harmony
  'gpt-oss': ['<|start|>', '<|message|>', '<|channel|>', '<|constrain|>', '<|return|>', '<|call|>'],
  // From here: https://github.com/ggml-org/llama.cpp/blob/0192c1297ddde77b0d9688179779e4218cf04db4/src/llama-chat.cpp
  'Phi-4': ['<|im_sep|>'],
  'Command R': [
    '<|START_OF_TURN_TOKEN|>',
    '<|END_OF_TURN_TOKEN|>',
    '<|SYSTEM_TOKEN|>',
    '<|USER_TOKEN|>',
    '<|CHATBOT_TOKEN|>',
  ],
  GLM: ['[gMASK]', '<sop>', '<|observation|>'],
  EXAONE: ['[|system|]', '[|user|]', '[|assistant|]', '[|tool|]', '[|endofturn|]'],
  Granite: ['<|start_of_role|>', '<|end_of_role|>', '<|tool_call|>'],
  'Kimi K2': ['<|im_system|>', '<|im_user|>', '<|im_assistant|>', '<|im_middle|>'],
  Hunyuan: [
    '<|startoftext|>',
    '<|extra_0|>',
    '<|extra_4|>',
    '<|eos|>',
    '<｜hy_User｜>',
    '<｜hy_Assistant｜>',
  ],
  GigaChat: ['<|message_sep|>', '<|role_sep|>'],
  Megrez: ['<|role_start|>', '<|role_end|>', '<|turn_end|>'],
  'dots.llm1': [
    '<|userprompt|>',
    '<|endofuserprompt|>',
    '<|response|>',
    '<|endofresponse|>',
    '<|endofsystem|>',
  ],
  Ling: ['<role>', '</role>'],
  MiniCPM: ['<用户>', '<AI>'],
  SmolVLM: ['<end_of_utterance>'],
  OpenChat: ['<|end_of_turn|>'],
  YandexGPT: ['[SEP]'],
  // https://github.com/ggml-org/llama.cpp/blob/master/src/llama-chat.cpp
  'Seed-OSS': ['<seed:bos>', '<seed:eos>'],
  'Pangu Embedded': ['[unused9]', '[unused10]'],
  // https://github.com/sgl-project/SpecForge/blob/main/specforge/data/template.py
  'MiniMax-M2': [']~!b[', ']~b]', '[e~['],
  // https://github.com/vllm-project/vllm/blob/main/vllm/parser/minimax_m3.py
  'MiniMax-M3': [']<]minimax[>['],
  // https://github.com/modelscope/ms-swift/blob/main/swift/template/templates/minimax.py
  'MiniMax-Text-01': ['<begin_of_document>', '<beginning_of_sentence>', '<end_of_sentence>'],
  // https://huggingface.co/nvidia/NVIDIA-Nemotron-Nano-9B-v2/blob/main/tokenizer_config.json
  'Nemotron Nano 2': ['<SPECIAL_10>', '<SPECIAL_11>', '<SPECIAL_12>'],
  // https://huggingface.co/nvidia/Nemotron-4-340B-Instruct
  'Nemotron 4': ['<extra_id_0>', '<extra_id_1>', '<extra_id_2>'],
  // https://github.com/hiyouga/LLaMA-Factory/blob/main/src/llamafactory/data/template.py
  'Baichuan 2': ['<reserved_106>', '<reserved_107>'],
  // https://github.com/vllm-project/vllm/blob/main/vllm/reasoning/poolside_v1_reasoning_parser.py
  Laguna: ['<assistant>', '</assistant>'],
};

export const SERVED_CONTROL: readonly string[] = [...new Set(Object.values(FAMILIES).flat())];

/** The prompt as a server of an unknown tokenizer may see it: without any known family's control token unbroken, or what has their
 * shape. */
export function breakServed(prompt: Prompt): Prompt {
  return eachText(breakControl(prompt, SERVED_CONTROL), (text) => text.replaceAll(SHAPE, '$<open>\u200b'));
}

/** The prompt without one of these tokens unbroken, by a zero-width space behind its first character, as our own tags are broken
 * in fields: a response can neither end its turn nor begin another. Tokenizers know them by their exact letters, so nothing
 * that only looks like one is touched. */
export function breakControl(prompt: Prompt, tokens: readonly string[]): Prompt {
  return eachText(prompt, (text) => broken(text, tokens));
}

function eachText({ messages, prefill }: Prompt, shown: (text: string) => string): Prompt {
  return {
    messages: messages.map((message) => ({ ...message, content: shown(message.content) })),
    ...(prefill === undefined ? {} : { prefill: shown(prefill) }),
  };
}

function broken(text: string, tokens: readonly string[]): string {
  let safe = text;
  for (const token of tokens) {
    const first = String.fromCodePoint(token.codePointAt(0) ?? 0);
    // A token of one character cannot be broken.
    if (first.length >= token.length) continue;
    // Again where an occurrence overlapped another.
    while (safe.includes(token)) safe = safe.replaceAll(token, `${first}\u200b${token.slice(first.length)}`);
  }
  return safe;
}
