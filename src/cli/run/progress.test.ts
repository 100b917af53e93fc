import { expect, test } from 'vitest';
import { Progress, progressLine } from './progress.ts';

function recorder(stream: { isTTY?: boolean; columns?: number }, environment: Record<string, string> = {}) {
  const written: string[] = [];
  let now = 0;
  const progress = new Progress(
    { ...stream, write: (text: string) => written.push(text) },
    () => now,
    environment,
  );
  progress.stages = 3;
  return { progress, written, wait: (seconds: number) => (now += seconds * 1000) };
}

test('without a terminal: a line when a stage starts and ends, and one each ten seconds', () => {
  const { progress, written, wait } = recorder({});
  progress.stageFinished(); // done in an earlier run
  progress.stageStarted('thoughts 1', 'Thoughts of M0 on d1');
  progress.progress('thoughts 1', 100, 500, 0); // stored in an earlier run
  for (let done = 101; done <= 500; done++) {
    wait(0.1);
    progress.progress('thoughts 1', done, 500, 50);
  }
  progress.stageFinished();
  expect(written.join('')).toBe(
    [
      '1 of 3 stages are done already',
      '2/3 Thoughts of M0 on d1',
      '2/3 Thoughts of M0 on d1: 40 % (200 of 500), 500 tokens/s, 30 s left',
      '2/3 Thoughts of M0 on d1: 60 % (300 of 500), 500 tokens/s, 20 s left',
      '2/3 Thoughts of M0 on d1: 80 % (400 of 500), 500 tokens/s, 10 s left',
      '2/3 Thoughts of M0 on d1: 100 % (500 of 500), 500 tokens/s',
      '2/3 Thoughts of M0 on d1: done in 40 s, 500 tokens/s',
      '',
    ].join('\n'),
  );
  expect(written.join('')).not.toContain('\x1b');
});

test('a training says how many of its rows were too long', () => {
  const { progress, written, wait } = recorder({});
  for (const result of [
    { rows: 40, dropped: 3 },
    { rows: 40, dropped: 0 },
  ]) {
    progress.stageStarted('train M1-SFT', 'Training M1-SFT from M0');
    wait(10);
    progress.stageFinished('train M1-SFT', result);
  }
  expect(written.map((line) => line.trim())).toEqual([
    '1/3 Training M1-SFT from M0',
    '1/3 Training M1-SFT from M0: done in 10 s, 3 of 40 rows too long, left out',
    '2/3 Training M1-SFT from M0',
    '2/3 Training M1-SFT from M0: done in 10 s',
  ]);
});

test('on a terminal: one line that is drawn again, then a line that stays', () => {
  const { progress, written, wait } = recorder({ isTTY: true, columns: 60 }, { NO_COLOR: '1' });
  progress.stageStarted('a', 'Training M1-SFT from M0');
  wait(1);
  progress.progress('a', 5, 20, 4000);
  expect(written.at(-1)).toBe('\r1/3 Training M1-SFT from M0 ██░░░░░░  25 % · 4,000 tokens/s\x1b[K');
  wait(0.05);
  progress.progress('a', 6, 20, 4000);
  expect(written).toHaveLength(2); // too soon to draw again
  progress.stageFinished();
  expect(written.slice(2)).toEqual(['\r\x1b[K', '✓ 1/3 Training M1-SFT from M0: 1.1 s, 7,619 tokens/s\n']);
});

test('colour only on a terminal whose user has not said NO_COLOR', () => {
  const colourful = recorder({ isTTY: true, columns: 80 });
  colourful.progress.stageStarted('a', 'A');
  colourful.progress.stageFinished();
  expect(colourful.written.join('')).toContain('\x1b[32m');
  const dumb = recorder({ isTTY: true, columns: 80 }, { TERM: 'dumb' });
  dumb.progress.stageStarted('a', 'A');
  expect(dumb.written).toEqual(['1/3 A\n']);
});

test('the time left is that of the part at work', () => {
  const { progress, written, wait } = recorder({});
  progress.stageStarted('thoughts 1', 'T');
  progress.progress('thoughts 1', 0, 100, 0);
  wait(9);
  progress.progress('thoughts 1', 100, 100, 900); // plans
  progress.progress('thoughts 1', 0, 1000, 0); // executions
  wait(5);
  progress.progress('thoughts 1', 100, 1000, 500);
  expect(written.at(-1)).toBe('1/3 T: 10 % (100 of 1,000), 100 tokens/s, 45 s left\n');
});

test('a line never fills its last column, however narrow', () => {
  for (let columns = 5; columns < 100; columns++) {
    const line = progressLine(
      '12/20 Thoughts of unplanned-DPO-1 on d2',
      0.314,
      ['5,210 tokens/s', '1 min 20 s left'],
      columns,
    );
    expect(line.length).toBeLessThanOrEqual(columns);
  }
  expect(progressLine('1/3 A', 0, [], 20)).toBe('1/3 A ░░░░░░░░   0 %');
});
