import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LedgerReader, Store, StoreOptions } from '../store.ts';
import { ORDERS, type Thought } from '../types.ts';
import { config, generation, pair, thought } from './store.contract.ts';

/** A ledger under test. */
export interface LedgerUnderTest {
  /** Opens or makes the one at a path, and holds it. */
  open(path: string, options: StoreOptions): Store;
  /** Opens one to read. */
  read(path: string): LedgerReader;
  /** The same two as code of a module, `open` and `read`, for processes of their own. */
  readonly code: string;
}

/** What every ledger owes who only looks on, also while another process is at work on it (see LedgerReader). */
export function readerContract(name: string, under: LedgerUnderTest): void {
  describe(`${name} keeps the contract of a reader`, () => {
    let folder: string;
    let path: string;
    let writer: Store;
    let reader: LedgerReader;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'evalplanner-reader-'));
      path = join(folder, 'run.db');
      writer = under.open(path, { config });
      reader = under.read(path);
    });
    afterEach(() => {
      reader.close();
      writer.close();
      rmSync(folder, { recursive: true, force: true });
    });

    /** Has a process of its own do something with `open`, `read` and `path`. */
    function elsewhere(work: string, ...flags: string[]) {
      const code = `${under.code}; const path = ${JSON.stringify(path)}; ${work}`;
      const child = spawn(process.execPath, [...flags, '--input-type=module', '--eval', code], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.on('data', (text) => {
        said += text;
      });
      return once(child, 'close').then(([code]) => {
        expect(code).toBe(0);
        return said;
      });
    }
    const write = (work: string) =>
      `const store = open(path, { config: ${JSON.stringify(config)} }); ${work}; store.close()`;

    test('has the path and the config, and no way to write', () => {
      expect(reader.path).toBe(path);
      expect(reader.config).toEqual(config);
      expect(() => (reader as Store).putNote('a', 1)).toThrow('open for reading only');
      expect(() => (reader as Store).planStages([])).toThrow('open for reading only');
    });

    test('its version changes whenever another process has written, and only then', async () => {
      writer.close();
      reader.generation('warm');
      const versions = [reader.version()];
      expect(reader.version()).toBe(versions[0]);
      for (const work of [
        `store.putPairs('d1', [${JSON.stringify(pair('a'))}])`,
        `store.putNote('peak', 7)`,
        `store.spend('pairs d1', { seconds: 1, tokens: 2 }, { done: 1, total: 2 })`,
      ]) {
        await elsewhere(write(work));
        versions.push(reader.version());
        expect(reader.version()).toBe(versions.at(-1));
      }
      expect(new Set(versions).size).toBe(4);
      expect([...reader.pairs()]).toEqual([pair('a')]);
      expect(reader.note('peak')).toBe(7);
      // Looking changes nothing.
      await elsewhere('read(path).counts()');
      expect(reader.version()).toBe(versions.at(-1));
    });

    test('shows planned stages, how far they are, and notes, as they come', () => {
      const plan = { name: 'pairs d1', title: 'Response pairs of d1', kind: 'pairs', set: 'd1' };
      expect(reader.stages()).toEqual([]);
      writer.planStages([plan]);
      expect(reader.stages()).toMatchObject([{ name: 'pairs d1', kind: 'pairs', status: 'planned', plan }]);
      writer.spend('pairs d1', { seconds: 1, tokens: 10 }, { done: 3, total: 9, failed: 1 });
      expect(reader.stage('pairs d1')).toMatchObject({ status: 'running', done: 3, total: 9, failed: 1 });
      writer.failStage('pairs d1', 'the server is gone');
      expect(reader.stage('pairs d1')).toMatchObject({ status: 'failed', message: 'the server is gone' });
      writer.finishStage('pairs d1', { kept: 12 });
      expect(reader.stages()).toEqual(writer.stages());
      writer.putNote('peak', { mb: 2 });
      expect(reader.note('peak')).toEqual({ mb: 2 });
      expect(reader.note('other')).toBeUndefined();
    });

    test('pages of thoughts, asked for while others are written, miss none and repeat none', () => {
      const of = (pairId: string) =>
        ORDERS.flatMap((order) => [0, 1, 2].map((i) => thought(pairId, order, i, i > 0)));
      const there = ['b', 'd', 'f'].flatMap(of);
      writer.putThoughts(there);
      const pages: Thought[] = [];
      for (let turn = 0; ; turn++) {
        const after = pages.at(-1);
        const page = [...reader.thoughts({ round: 1, limit: 4, ...(after ? { after } : {}) })];
        if (page.length === 0) break;
        expect(page.length).toBeLessThanOrEqual(4);
        pages.push(...page);
        // Before what was read, and after it.
        if (turn === 1) writer.putThoughts([...of('a'), ...of('g')]);
      }
      const ids = pages.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids).toEqual([...there, ...of('g')].map(({ id }) => id));
      expect([...reader.thoughts({ round: 1 })].map(({ id }) => id)).toEqual(
        [...of('a'), ...there, ...of('g')].map(({ id }) => id),
      );
    });

    test('a stream is of the state in which it began, and may be left', () => {
      writer.putPairs(
        'd1',
        ['a', 'b', 'c'].map((id) => pair(id)),
      );
      const seen: string[] = [];
      for (const { id } of reader.pairs()) {
        seen.push(id);
        writer.putPairs('d1', [pair(`${id}'`)]);
      }
      expect(seen).toEqual(['a', 'b', 'c']);
      for (const { id } of reader.pairs()) {
        expect(id).toBe('a');
        break;
      }
      expect([...reader.pairs()]).toHaveLength(6);
    });

    test('whatever another process is writing, it sees whole batches, and figures of one moment', async () => {
      writer.close();
      const stop = join(folder, 'stop');
      const batches = `for (let i = 0; !existsSync(${JSON.stringify(stop)}); i++) {
        store.putThoughts(['ab', 'ba'].flatMap((order) => [0, 1, 2].map((executionIndex) => ({ id: i + order + executionIndex,
          pairId: String(i), round: 1, order, planIndex: 0, executionIndex, plan: 'p', execution: 'e', verdict: 'A', correct: true }))));
        store.putPreferences(1, Array.from({ length: 7 }, () => ({ pairId: 'a', chosenId: 'c', rejectedId: 'r', pairing: 'p' })));
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      }`;
      const written = elsewhere(`const { existsSync } = await import('node:fs'); ${write(batches)}`);
      let before = 0;
      try {
        for (let looks = 0; looks < 20; ) {
          const { thoughts, preferences } = reader.counts();
          const { total, correct } = thoughts[1] ?? { total: 0, correct: 0 };
          expect(correct).toBe(total);
          expect(total % 6).toBe(0);
          expect(preferences[1] ?? 7).toBe(7);
          const read = [...reader.thoughts({ round: 1 })].length;
          expect(read % 6).toBe(0);
          expect(read).toBeGreaterThanOrEqual(total);
          expect([0, 7]).toContain([...reader.preferences(1)].length);
          if (total > before) looks++;
          before = total;
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      } finally {
        writeFileSync(stop, '');
        await written;
      }
      expect(reader.counts().thoughts[1]?.total).toBeGreaterThanOrEqual(before);
    });

    test('reads stream: a process with 32 MB of memory reads 40 MB of each kind', async () => {
      const long = 'x'.repeat(20_000);
      const each = Array.from({ length: 2000 }, (_, i) => i);
      writer.putGenerations(each.map((i) => generation(`k${i}`)));
      writer.putPairs('d1', each.map((i) => ({ ...pair(`p${i}`), chosen: long })).values());
      writer.putPlans(each.map((i) => ({ id: `${i}`, pairId: 'a', round: 1, planIndex: i, text: long })));
      writer.putThoughts(each.map((i) => ({ ...thought('a', 'ab', i), execution: long })));
      const row = { stage: 'M0', split: 'test', order: 'ab', verdict: 'A', correct: true } as const;
      writer.putEvaluations(
        each.map((i) => ({ ...row, pairId: `${i}`, text: long, plan: null, execution: null })),
      );
      const said = await elsewhere(
        `const reader = read(path);
         const length = (rows) => rows.reduce((sum) => sum + 1, 0);
         console.log(length(reader.pairs()), length(reader.plans({ round: 1 })), length(reader.thoughts({ round: 1 })),
           length(reader.evaluations({ stage: 'M0' })));`,
        '--max-old-space-size=32',
      );
      expect(said.trim()).toBe('2000 2000 2000 2000');
    });

    test('closed, it can be closed again', () => {
      reader.close();
      reader.close();
      reader[Symbol.dispose]();
    });
  });
}
