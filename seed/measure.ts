import type { EmbeddedModel } from '../src/model/embedded.ts';
import { type GenerateRequest, userPrompt } from '../src/model.ts';
import { FAMILIES, isCorrect, parse } from '../src/playground/families.ts';
import { EMPTY_PLAN, PLAN_KINDS, planOf } from '../src/playground/habits.ts';
import { type OraclePair, oraclePair } from '../src/playground/pair.ts';
import type { Family } from '../src/playground/problem.ts';
import { playgroundExecute } from '../src/prompts/execute.ts';
import { playgroundJudge } from '../src/prompts/judge.ts';
import { parseModify, playgroundModify } from '../src/prompts/modify.ts';
import { playgroundResponse } from '../src/prompts/response.ts';
import { render } from '../src/prompts/template.ts';
import { type Random, random, seedOf, shuffle } from '../src/random.ts';
import { parseVerdict } from '../src/verdict/verdict.ts';

/** Right ones among all, of one skill in one family. */
export interface Skill {
  readonly skill: string;
  readonly family: string;
  readonly right: number;
  readonly all: number;
}

interface Unit {
  readonly skill: string;
  readonly family: string;
  readonly request: GenerateRequest;
  /** Whether a completion is right. */
  readonly right: (text: string, finishReason: 'stop' | 'length') => boolean;
}

/** What M0 can do on dev instructions, by family: answering (as the loop samples it), modifying, executing a given plan of each
 * kind, judging by itself, and how often its greedy plan is the empty one. The oracle decides. */
export async function measure(model: EmbeddedModel, perFamily: number): Promise<Skill[]> {
  const next = random(seedOf('measure M0'));
  const units: Unit[] = FAMILIES.flatMap((family) =>
    Array.from({ length: perFamily }, () => unitsOf(pairOf(family, next), next)).flat(),
  );
  const byKey = new Map(units.map((unit, index) => [String(index), unit]));
  const requests = units.map(({ request }, index) => ({ ...request, key: String(index), seed: index }));
  const skills = new Map<string, { skill: string; family: string; right: number; all: number }>();
  for await (const { key, text, finishReason } of model.generate(requests)) {
    const { skill, family, right } = byKey.get(key) as Unit;
    const name = `${skill} ${family}`;
    const entry = skills.get(name) ?? { skill, family, right: 0, all: 0 };
    entry.all++;
    if (right(text, finishReason === 'length' ? 'length' : 'stop')) entry.right++;
    skills.set(name, entry);
  }
  return [...skills.values()];
}

function pairOf(family: Family, next: Random): OraclePair {
  for (;;) {
    const pair = oraclePair(next, 'dev', family.domain);
    if (pair.problem.family === family.name) return pair;
  }
}

function unitsOf({ problem, chosen, rejected }: OraclePair, next: Random): Unit[] {
  const { instruction, family, domain } = problem;
  const [a, b] = shuffle(next, [chosen, rejected]) as [string, string];
  const gold = a === chosen ? 'A' : 'B';
  const unit = (skill: string, prompt: string, temperature: number, right: Unit['right']): Unit => {
    const request = { key: '', prompt: userPrompt(prompt), maxTokens: 150, temperature, topP: 0.95, seed: 0 };
    return { skill, family, request, right };
  };
  const verdict: Unit['right'] = (text, finishReason) => parseVerdict(text, { finishReason }).kind === gold;
  const units = [
    unit('answer', render(playgroundResponse, { instruction }), 0.8, (text) =>
      isCorrect(instruction, text.trim()),
    ),
    unit('judge', render(playgroundJudge, { instruction, a, b }), 0, verdict),
    unit('empty plan', render(playgroundJudge, { instruction, a, b }), 0, (text) =>
      text.includes(EMPTY_PLAN),
    ),
  ];
  for (const kind of PLAN_KINDS) {
    const plan = planOf(problem, kind, next);
    if (plan.kind !== kind) continue;
    const prompt = render(playgroundExecute, { instruction, a, b, plan: plan.text });
    units.push(unit(`execute ${kind}`, prompt, 0, verdict));
  }
  if (domain === 'general') {
    const modified: Unit['right'] = (text) => {
      const parsed = parseModify(text);
      return (
        parsed !== null &&
        parse(parsed.instruction) !== null &&
        isCorrect(parsed.instruction, parsed.response) &&
        !isCorrect(instruction, parsed.response)
      );
    };
    units.push(unit('modify', render(playgroundModify, { instruction }), 0.8, modified));
  }
  return units;
}
