import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../run.contract.ts';
import type { AuditReport } from './text.ts';

const SHARED = join(import.meta.dirname, '../../../../shared/data');

test.runIf(existsSync(SHARED))(
  'MATH without MATH-500 repeats none of RewardBench’s math prompts exactly',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'audit-'));
    try {
      const source = join(folder, 'math.jsonl');
      const problems = readFileSync(join(SHARED, 'MATH', 'train-4500.jsonl'), 'utf8')
        .trim()
        .split('\n');
      const rows = problems.map((line) => {
        const { problem, solution } = JSON.parse(line) as { problem: string; solution: string };
        return `${JSON.stringify({ prompt: problem, completion: solution })}\n`;
      });
      writeFileSync(source, rows.join(''));
      const { out } = await run('audit', source, '--benchmarks', SHARED, '--json');
      const audited = (JSON.parse(out) as AuditReport).rows;
      expect(audited.rows).toBe(4500);
      expect(audited.contamination?.benchmarks.rewardbench?.exact).toBe(0);
      // Both versions, and the instructions that FollowBenchEval is built from.
      expect(audited.contamination?.benchmarks.judgebench?.prompts).toBeGreaterThan(500);
      expect(audited.contamination?.benchmarks.followbench?.prompts).toBeGreaterThan(800);
      // Problems of one pattern with other numbers.
      expect(audited.contamination?.rows).toBeLessThan(100);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
