import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { EvalPlannerError } from '../errors.ts';
import { storeFailure } from './failure.ts';

/** What the operation throws, as a user would see it. */
function failureOf(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return storeFailure(error, 'runs/x/run.db');
  }
  throw new Error('nothing was thrown');
}

test('a database that cannot grow is a full disk', () => {
  const db = new DatabaseSync(':memory:');
  db.exec('PRAGMA max_page_count = 4; CREATE TABLE t (x)');
  const insert = db.prepare('INSERT INTO t VALUES (?)');
  const failure = failureOf(() => {
    for (let i = 0; i < 100; i++) insert.run('x'.repeat(4000));
  });
  expect(failure).toMatchObject({ code: 'disk', message: expect.stringContaining('disk is full') });
  expect((failure as EvalPlannerError).remedy).toContain('Free some space');
});

test('errors of the file system become disk errors with their cause', () => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST']) {
    const cause = Object.assign(new Error(code), { code });
    expect(storeFailure(cause, 'x')).toMatchObject({ code: 'disk', cause });
  }
});

test('extended result codes count as their primary ones', () => {
  const error = (errcode: number) => storeFailure(Object.assign(new Error('e'), { errcode }), 'x');
  expect(error(10 | (3 << 8))).toMatchObject({ code: 'disk' }); // SQLITE_IOERR_WRITE
  expect(error(11 | (1 << 8))).toMatchObject({ code: 'run' }); // SQLITE_CORRUPT_VTAB
  expect(error(5)).toMatchObject({ code: 'run' }); // SQLITE_BUSY
});

test('anything else comes back as it is', () => {
  const own = new EvalPlannerError('run', 'm', 'r');
  const bug = new TypeError('bug');
  expect(storeFailure(own, 'x')).toBe(own);
  expect(storeFailure(bug, 'x')).toBe(bug);
  expect(storeFailure(Object.assign(new Error('constraint'), { errcode: 19 }), 'x')).toBeInstanceOf(Error);
});
