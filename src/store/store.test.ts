import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../store.ts';
import { openStore, readStore } from './ledger.ts';
import { readerContract } from './reader.contract.ts';
import { config, generation, pair, storeContract } from './store.contract.ts';

const ledger = JSON.stringify(new URL('./ledger.ts', import.meta.url).href);
storeContract('the ledger', openStore);
readerContract('the ledger', {
  open: openStore,
  read: readStore,
  code: `const { openStore: open, readStore: read } = await import(${ledger})`,
});

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-store-'));
  path = join(folder, 'runs', 'x', 'run.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('opening', () => {
  test('a closed run opens again with everything in it and no debris beside it', () => {
    const first = openStore(path, { config });
    first.putPairs('d1', [pair('a')]);
    first.close();
    first.close();
    using again = openStore(path, {
      config: { model: 'seed', thoughts: { executions: 8, plans: 5 }, seed: 7 },
    });
    expect([...again.pairs()]).toEqual([pair('a')]);
    expect(again.config).toEqual(config);
    again.close();
    expect(readdirSync(join(folder, 'runs', 'x')).sort()).toEqual(['run.db', 'run.db-lock']);
  });

  test('in memory, for tests', () => {
    using store = openStore(':memory:', { config });
    using other = openStore(':memory:', { config: { other: true } });
    store.putPairs('d1', [pair('a')]);
    expect([...other.pairs()]).toEqual([]);
  });

  test('a ledger that holds nothing yet takes any config', () => {
    openStore(path, { config: { seed: 1 } }).close();
    const second = openStore(path, { config });
    expect(second.config).toEqual(config);
    second.close();
  });

  test('another config is refused, naming what differs', () => {
    const first = openStore(path, { config });
    first.putGenerations([generation('a')]);
    first.close();
    const other = { seed: 8, thoughts: { plans: 5, executions: 16 }, model: 'seed', extra: true };
    const open = () => openStore(path, { config: other });
    expect(open).toThrow(
      expect.objectContaining({
        code: 'run',
        message: expect.stringMatching(
          /extra is not set there and true here; seed is 7 there and 8 here; thoughts\.executions is 8 there and 16/,
        ),
      }),
    );
    openStore(path, { config }).close(); // the refusal left no lock
  });

  test('a change that only adds work is accepted and stored', () => {
    const first = openStore(path, { config });
    first.putGenerations([generation('a')]);
    first.finishStage('thoughts', { kept: 1 });
    first.close();
    const more = { seed: 7, thoughts: { plans: 8, executions: 8 }, model: 'seed' };
    const second = openStore(path, { config: more, mayChange: ({ path }) => path === 'thoughts.plans' });
    expect(second.config).toEqual(more);
    expect(second.generation('a')).toBeDefined();
    second.close();
    openStore(path, { config: more }).close();
    expect(() => openStore(path, { config })).toThrow('thoughts.plans is 8 there and 5 here');
  });

  test('two stores cannot hold one run; a reader can look at it meanwhile', () => {
    const writer = openStore(path, { config });
    writer.putPairs('d1', [pair('a')]);
    expect(() => openStore(path, { config })).toThrow(
      expect.objectContaining({
        code: 'run',
        message: expect.stringContaining(`Process ${process.pid} on `),
        remedy: expect.stringContaining('Wait for it or stop it'),
      }),
    );
    using reader = readStore(path);
    expect([...reader.pairs()]).toEqual([pair('a')]);
    expect(reader.config).toEqual(config);
    writer.putPairs('d1', [pair('b')]);
    expect(reader.counts().pairs).toEqual({ d1: 2 });
    expect(() => (reader as Store).putPairs('d1', [pair('c')])).toThrow('open for reading only');
    writer.close();
    openStore(path, { config }).close();
  });

  test('while pairs are read the write-ahead log can be emptied', () => {
    using store = openStore(path, { config });
    store.putPairs('d1', [pair('a'), pair('b')]);
    const stream = store.pairs();
    stream.next();
    store.putPairs('d1', [pair('c')]);
    const other = new DatabaseSync(path);
    expect(other.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()).toMatchObject({ busy: 0 });
    other.close();
    expect([...stream].map(({ id }) => id)).toEqual(['b']);
  });

  test('a run that is not there cannot be read', () => {
    expect(() => readStore(path)).toThrow(
      expect.objectContaining({ code: 'run', message: `There is no run at ${path}` }),
    );
  });

  test.each(['write', 'read'])('damaged files are named as such (%s)', (mode) => {
    const open = () => (mode === 'write' ? openStore(path, { config }) : readStore(path));
    const damaged = expect.objectContaining({ code: 'run', message: expect.stringContaining('damaged') });
    const store = openStore(path, { config });
    store.putGenerations(Array.from({ length: 500 }, (_, i) => generation(`k${i}`, 'stop', 'x'.repeat(500))));
    store.close();
    const whole = readFileSync(path);

    writeFileSync(path, 'not a database at all '.repeat(400));
    expect(open).toThrow(damaged);

    writeFileSync(path, whole);
    truncateSync(path, Math.floor(whole.length / 2 / 4096) * 4096);
    expect(open).toThrow(damaged);

    writeFileSync(path, whole.fill(0xee, 5 * 4096, whole.length - 4096));
    expect(open).toThrow(damaged);
  });

  test('an empty file, as a kill right at the start leaves it, becomes a run', () => {
    openStore(path, { config }).close();
    writeFileSync(path, '');
    using store = openStore(path, { config });
    expect(store.counts().generations.stop).toBe(0);
  });

  test('somebody else’s database is left alone', () => {
    openStore(path, { config }).close();
    rmSync(path);
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE theirs (x)');
    other.close();
    expect(() => openStore(path, { config })).toThrow('a database of something else');
  });

  test('a ledger of a newer version is refused', () => {
    openStore(path, { config }).close();
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(() => openStore(path, { config })).toThrow(
      expect.objectContaining({ code: 'run', message: expect.stringContaining('ledger version 99') }),
    );
    expect(() => readStore(path)).toThrow('newer version');
  });

  test('a ledger of an earlier version is refused, to read too', () => {
    openStore(path, { config }).close();
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 3');
    db.close();
    for (const open of [() => openStore(path, { config }), () => readStore(path)])
      expect(open).toThrow(
        expect.objectContaining({
          code: 'run',
          message: expect.stringContaining('earlier version of evalplanner (ledger version 3'),
          remedy: expect.stringContaining('another folder'),
        }),
      );
  });

  test.skipIf(process.getuid?.() === 0)('a ledger in a folder that may only be read can be read', () => {
    openStore(path, { config }).close();
    chmodSync(dirname(path), 0o555);
    using reader = readStore(path);
    expect(reader.config).toEqual(config);
    chmodSync(dirname(path), 0o755);
  });

  test('a place where nothing can be written is a disk error', () => {
    writeFileSync(join(folder, 'file'), '');
    const blocked = join(folder, 'file', 'x', 'run.db');
    expect(() => openStore(blocked, { config })).toThrow(
      expect.objectContaining({ code: 'disk', remedy: expect.stringContaining('name another place') }),
    );
  });
});
