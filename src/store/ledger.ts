import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { EvalPlannerError } from '../errors.ts';
import type { Json } from '../key.ts';
import type { Generation } from '../model.ts';
import type {
  Counts,
  Evaluation,
  EvaluationFilter,
  LedgerReader,
  PairFilter,
  PlannedStage,
  PreferenceRecord,
  Reached,
  RoundFilter,
  Spent,
  StageRecord,
  Store,
  StoreOptions,
  ThoughtFilter,
} from '../store.ts';
import type { TrainStep } from '../trainer.ts';
import type { Plan, ResponsePair, Thought } from '../types.ts';
import { fitCache, openDatabase } from './database.ts';
import { storeFailure } from './failure.ts';
import * as row from './rows.ts';

/** Open or create the ledger at `path` (`runs/NAME/run.db`; `:memory:` for tests) and hold it for this process.
 * Throws EvalPlannerError: `run` for a ledger of another config, a newer version, a damaged one or one in use; `disk`. */
export function openStore(path: string, options: StoreOptions): Store {
  return openLedger(path, options);
}

/** Open an existing ledger to read: no lock, also while a run is at work on it. */
export function readStore(path: string): LedgerReader {
  return openLedger(path, null);
}

function openLedger(path: string, options: StoreOptions | null): Store {
  const { db, config, release } = openDatabase(path, options);
  return new Ledger(path, config, db, options === null, release);
}

type Values = readonly SQLInputValue[];

/** Transactions after which the cache is fitted to what the ledger has become. */
const FIT_EVERY = 512;

/** Pairs that are read together. */
const PAGE = 64;

/** A stage that nobody planned: name, title, status, seconds, tokens, those of prompts, cost, message, result. */
const NEW_STAGE = `INSERT INTO stages VALUES (?, NULL, ?, '', 'null', ?, 0, 0, 0, ?, ?, ?, ?, ?, ?)`;

class Ledger implements Store {
  readonly path: string;
  readonly config: Json;
  readonly #db: DatabaseSync;
  readonly #readOnly: boolean;
  readonly #release: () => void;
  readonly #statements = new Map<string, StatementSync>();
  #commits = 0;

  constructor(path: string, config: Json, db: DatabaseSync, readOnly: boolean, release: () => void) {
    this.path = path;
    this.config = config;
    this.#db = db;
    this.#readOnly = readOnly;
    this.#release = release;
  }

  generation(key: string): Generation | undefined {
    return this.#one(row.generation, 'SELECT * FROM generations WHERE key = ?', [key]);
  }

  version(): number {
    return this.#one((found) => found.data_version as number, 'PRAGMA data_version', []) ?? 0;
  }

  *missing(keys: Iterable<string>, since = 0): Generator<string, void, undefined> {
    for (const key of keys) {
      const sql = `SELECT 1 AS there FROM generations WHERE key = ? AND finish_reason <> 'error' AND created >= ?`;
      if (this.#one((found) => found, sql, [key, since]) === undefined) yield key;
    }
  }

  putGenerations(rows: Iterable<Generation>, since = 0): void {
    const created = Date.now();
    this.#put(
      `INSERT INTO generations (key, text, finish_reason, prompt_tokens, completion_tokens, created, details)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET text = excluded.text,
       finish_reason = excluded.finish_reason, prompt_tokens = excluded.prompt_tokens,
       completion_tokens = excluded.completion_tokens, created = excluded.created, details = excluded.details
       WHERE generations.finish_reason = 'error' OR generations.created < ?`,
      rows,
      ({ key, text, finishReason, promptTokens, completionTokens, ...details }) => [
        key,
        text,
        finishReason,
        promptTokens,
        completionTokens,
        created,
        Object.keys(details).length === 0 ? null : JSON.stringify(details),
        since,
      ],
    );
  }

  putPairs(split: string, pairs: Iterable<ResponsePair>): void {
    this.#put(
      `INSERT INTO pairs (id, split, domain, family, instruction, chosen, rejected, provenance)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET split = excluded.split,
       domain = excluded.domain, family = excluded.family, instruction = excluded.instruction,
       chosen = excluded.chosen, rejected = excluded.rejected, provenance = excluded.provenance`,
      pairs,
      (p) => [
        p.id,
        split,
        p.domain,
        p.family,
        p.instruction,
        p.chosen,
        p.rejected,
        JSON.stringify(p.provenance),
      ],
    );
  }

  // In pages: a statement that is open keeps the write-ahead log from being emptied into the ledger, and stages write for as long as
  // they read pairs.
  *pairs({ split }: PairFilter = {}): Generator<ResponsePair, void, undefined> {
    const { where, values } = condition({ split });
    const sql = `SELECT * FROM pairs ${where || 'WHERE TRUE'} AND n > ? ORDER BY n LIMIT ${PAGE}`;
    let after = 0;
    for (;;) {
      const page = this.#guard(() => this.#statement(sql).all(...values, after));
      yield* this.#guard(() => page.map(row.pair));
      if (page.length < PAGE) return;
      after = page.at(-1)?.n as number;
    }
  }

  pair(id: string): ResponsePair | undefined {
    return this.#one(row.pair, 'SELECT * FROM pairs WHERE id = ?', [id]);
  }

  putPlans(plans: Iterable<Plan>): void {
    this.#put('INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?, ?)', plans, (p) => [
      p.id,
      p.pairId,
      p.round,
      p.planIndex,
      p.text,
    ]);
  }

  plans(filter: RoundFilter): Generator<Plan, void, undefined> {
    const { where, values } = condition({ round: filter.round, pair_id: filter.pairId });
    return this.#stream(row.plan, `SELECT * FROM plans ${where} ORDER BY pair_id, plan_index`, values);
  }

  putThoughts(thoughts: Iterable<Thought>): void {
    this.#put('INSERT OR REPLACE INTO thoughts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', thoughts, (t) => [
      t.id,
      t.pairId,
      t.round,
      t.order,
      t.planIndex,
      t.executionIndex,
      t.verdict,
      t.correct ? 1 : 0,
      t.plan,
      t.execution,
    ]);
  }

  thoughts(filter: ThoughtFilter): Generator<Thought, void, undefined> {
    const { round, pairId, verdict, correct, after, limit } = filter;
    const { where, values } = condition({
      round,
      pair_id: pairId,
      verdict,
      correct: correct === undefined ? undefined : Number(correct),
    });
    const order = 'pair_id, plan_index, "order", execution_index';
    const later = after ? `AND (${order}) > (?, ?, ?, ?)` : '';
    const from = after ? [after.pairId, after.planIndex, after.order, after.executionIndex] : [];
    const sql = `SELECT * FROM thoughts ${where} ${later} ORDER BY ${order} LIMIT ?`;
    return this.#stream(row.thought, sql, [...values, ...from, limit ?? -1]);
  }

  thought(round: number, pairId: string, id: string): Thought | undefined {
    const sql = 'SELECT * FROM thoughts WHERE round = ? AND pair_id = ? AND id = ?';
    return this.#one(row.thought, sql, [round, pairId, id]);
  }

  putPreferences(round: number, rows: Iterable<PreferenceRecord>): void {
    this.#transaction(() => {
      this.#statement('DELETE FROM preferences WHERE round = ?').run(round);
      this.addPreferences(round, rows);
    });
  }

  addPreferences(round: number, rows: Iterable<PreferenceRecord>): void {
    this.#put(
      'INSERT INTO preferences (round, pair_id, chosen_id, rejected_id, pairing) VALUES (?, ?, ?, ?, ?)',
      rows,
      (p) => [round, p.pairId, p.chosenId, p.rejectedId, p.pairing],
    );
  }

  preferences(round: number): Generator<PreferenceRecord, void, undefined> {
    return this.#stream(row.preference, 'SELECT * FROM preferences WHERE round = ? ORDER BY n', [round]);
  }

  putSteps(stage: string, steps: Iterable<TrainStep>): void {
    this.#put('INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', steps, (s) => [
      stage,
      s.step,
      s.steps,
      s.loss,
      s.learningRate,
      s.gradNorm,
      s.tokens,
      s.seconds,
      s.accuracy ?? null,
      s.margin ?? null,
      s.chosenLogp ?? null,
      s.rejectedLogp ?? null,
    ]);
  }

  steps(stage: string): Generator<TrainStep, void, undefined> {
    return this.#stream(row.step, 'SELECT * FROM steps WHERE stage = ? ORDER BY step', [stage]);
  }

  putEvaluations(rows: Iterable<Evaluation>): void {
    this.#put('INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)', rows, (e) => [
      e.stage,
      e.split,
      e.pairId,
      e.order,
      e.verdict,
      e.correct ? 1 : 0,
      e.text,
      e.plan,
      e.execution,
    ]);
  }

  evaluations({ stage, split, pairId }: EvaluationFilter): Generator<Evaluation, void, undefined> {
    const { where, values } = condition({ stage, split, pair_id: pairId });
    const sql = `SELECT * FROM evaluations ${where} ORDER BY pair_id, "order"`;
    return this.#stream(row.evaluation, sql, values);
  }

  stage(name: string): StageRecord | undefined {
    return this.#one(row.stage, 'SELECT * FROM stages WHERE name = ?', [name]);
  }

  stages(): StageRecord[] {
    const sql = 'SELECT * FROM stages WHERE position IS NOT NULL ORDER BY position';
    return [...this.#stream(row.stage, sql, [])];
  }

  planStages(stages: Iterable<PlannedStage>): void {
    this.#transaction(() => {
      this.#statement('UPDATE stages SET position = NULL').run();
      let position = 0;
      this.#put(
        `INSERT INTO stages VALUES (?, ?, ?, ?, ?, 'planned', 0, 0, 0, 0, 0, 0, 0, NULL, 'null')
         ON CONFLICT (name) DO UPDATE SET position = excluded.position, title = excluded.title, kind = excluded.kind,
         plan = excluded.plan, status = CASE WHEN status <> 'done' OR plan = excluded.plan THEN status ELSE 'planned' END`,
        stages,
        (planned) => [planned.name, position++, planned.title, planned.kind, JSON.stringify(planned)],
      );
    });
  }

  spend(name: string, { seconds, tokens, promptTokens = 0, cost = 0 }: Spent, reached?: Reached): void {
    this.#put(
      `${NEW_STAGE} ON CONFLICT (name) DO UPDATE SET seconds = seconds + excluded.seconds, tokens = tokens + excluded.tokens,
       prompt_tokens = prompt_tokens + excluded.prompt_tokens, cost = cost + excluded.cost,
       status = CASE status WHEN 'done' THEN 'done' ELSE 'running' END, message = NULL`,
      [name],
      () => [name, name, 'running', seconds, tokens, promptTokens, cost, null, 'null'],
    );
    if (reached === undefined) return;
    const { done, total, failed = 0 } = reached;
    this.#statement('UPDATE stages SET done = ?, total = ?, failed = ? WHERE name = ?').run(
      done,
      total,
      failed,
      name,
    );
  }

  finishStage(name: string, result: Json = null): void {
    this.#put(
      `${NEW_STAGE} ON CONFLICT (name) DO UPDATE SET status = 'done', message = NULL, result = excluded.result`,
      [name],
      () => [name, name, 'done', 0, 0, 0, 0, null, JSON.stringify(result)],
    );
    // The only fsync: before it a power cut (not a kill) may take the last commits, and resuming makes them again.
    this.#guard(() => this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)'));
  }

  failStage(name: string, message: string): void {
    this.#put(
      `${NEW_STAGE} ON CONFLICT (name) DO UPDATE SET status = 'failed', message = excluded.message`,
      [name],
      () => [name, name, 'failed', 0, 0, 0, 0, message, 'null'],
    );
  }

  note(name: string): Json | undefined {
    return this.#one(
      (found) => JSON.parse(found.value as string) as Json,
      'SELECT value FROM notes WHERE name = ?',
      [name],
    );
  }

  putNote(name: string, value: Json): void {
    this.#put('INSERT OR REPLACE INTO notes VALUES (?, ?)', [value], () => [name, JSON.stringify(value)]);
  }

  discard(what: Parameters<Store['discard']>[0]): void {
    this.#transaction(() => {
      if ('split' in what) this.#statement('DELETE FROM pairs WHERE split = ?').run(what.split);
      else if ('judge' in what) this.#statement('DELETE FROM steps WHERE stage = ?').run(what.judge);
      else
        for (const table of ['plans', 'thoughts', 'preferences'])
          this.#statement(`DELETE FROM ${table} WHERE round = ?`).run(what.round);
    });
  }

  counts(): Counts {
    return this.#moment(() => this.#counts());
  }

  #counts(): Counts {
    const group = (sql: string) => Object.fromEntries(this.#stream(row.group, sql, []));
    const tokens = this.#one(
      row.pairOfNumbers,
      'SELECT coalesce(sum(prompt_tokens), 0) AS a, coalesce(sum(completion_tokens), 0) AS b FROM generations',
      [],
    ) as readonly [number, number];
    const generations = group('SELECT finish_reason AS name, count(*) AS count FROM generations GROUP BY 1');
    const correct = group('SELECT round AS name, sum(correct) AS count FROM thoughts GROUP BY 1');
    const thoughts = group('SELECT round AS name, count(*) AS count FROM thoughts GROUP BY 1');
    return {
      pairs: group('SELECT split AS name, count(*) AS count FROM pairs GROUP BY 1'),
      generations: { stop: 0, length: 0, refused: 0, error: 0, ...generations },
      promptTokens: tokens[0],
      completionTokens: tokens[1],
      plans: group('SELECT round AS name, count(*) AS count FROM plans GROUP BY 1'),
      thoughts: Object.fromEntries(
        Object.entries(thoughts).map(([round, total]) => [round, { total, correct: correct[round] ?? 0 }]),
      ),
      preferences: group('SELECT round AS name, count(*) AS count FROM preferences GROUP BY 1'),
      steps: group('SELECT stage AS name, count(*) AS count FROM steps GROUP BY 1'),
      evaluations: group('SELECT stage AS name, count(*) AS count FROM evaluations GROUP BY 1'),
    };
  }

  close(): void {
    if (!this.#db.isOpen) return;
    this.#statements.clear();
    this.#release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #one<T>(read: (found: row.Row) => T, sql: string, values: Values): T | undefined {
    const found = this.#guard(() => this.#statement(sql).get(...values));
    return found === undefined ? undefined : read(found);
  }

  // A statement of its own for each stream: two streams of one query, or a write between two rows, must not reset it.
  *#stream<T>(read: (found: row.Row) => T, sql: string, values: Values): Generator<T, void, undefined> {
    try {
      for (const found of this.#db.prepare(sql).iterate(...values)) yield read(found);
    } catch (error) {
      throw storeFailure(error, this.path);
    }
  }

  #put<T>(sql: string, rows: Iterable<T>, values: (row: T) => Values): void {
    this.#transaction(() => {
      const statement = this.#statement(sql);
      for (const item of rows) statement.run(...values(item));
    });
  }

  /** What several statements read is of one moment, whatever another process writes between them. */
  #moment<T>(read: () => T): T {
    if (this.#db.isTransaction) return read();
    return this.#guard(() => {
      this.#db.exec('BEGIN');
      try {
        return read();
      } finally {
        if (this.#db.isTransaction) this.#db.exec('COMMIT');
      }
    });
  }

  // Joins a transaction that is open already: rows may come from a generator that itself puts.
  #transaction(work: () => void): void {
    if (this.#readOnly) {
      throw new EvalPlannerError('internal', `${this.path} is open for reading only`, 'report this as a bug');
    }
    if (this.#db.isTransaction) {
      work();
      return;
    }
    this.#guard(() => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        work();
        this.#db.exec('COMMIT');
        if (++this.#commits % FIT_EVERY === 0) fitCache(this.#db);
      } catch (error) {
        // SQLite has rolled back by itself after a full disk.
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeFailure(error, this.path);
    }
  }
}

/** Columns that must be equal; those left undefined do not matter. */
function condition(columns: Readonly<Record<string, string | number | undefined>>): {
  where: string;
  values: Values;
} {
  const set = Object.entries(columns).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined,
  );
  const where = set.length === 0 ? '' : `WHERE ${set.map(([name]) => `${name} = ?`).join(' AND ')}`;
  return { where, values: set.map(([, value]) => value) };
}
