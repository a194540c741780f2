import { setImmediate } from "node:timers";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Picture } from "../continual/pictures.ts";
import { diskProblem } from "../host/durable.ts";

// What was acknowledged and is not the learner's yet. From the 202 on an episode is here; a night that is asked for
// takes what there is, in one transaction with the asking; once the learner's own day has it, on disk, it leaves.

/** An episode that waits, without its pixels. */
export interface WaitingEpisode {
  readonly digest: string;
  readonly label: string;
  /** The night that takes it; null: none yet. */
  readonly night: number | null;
}

/**
 * `asked`: its episodes are still here. `day`: the learner has them, and the night goes on, or will. The rest is how it
 * ended; `impossible`: there was nothing that it could learn.
 */
export type NightPhase = "asked" | "day" | "kept" | "refused" | "impossible";

/** A night that was asked for. */
export interface AskedNight {
  readonly id: number;
  readonly phase: NightPhase;
  /** Takes the learner that it makes, however its exam goes. */
  readonly accept: boolean;
  /** Nights that the learner had spent when it was asked for. */
  readonly nightsBefore: number;
  readonly why: "request" | "idle" | "schedule";
  /** Episodes that it was asked for with; 0: it is one of rest, or learns what the learner holds. */
  readonly images: number;
  /** What went wrong, if something did. */
  readonly message: string | null;
}

/** An answer that was given under an idempotency key. */
export interface KeptAnswer {
  /** What was sent: the same key with something else is a mistake. */
  readonly fingerprint: string;
  /** JSON. */
  readonly answer: string;
}

/** The same, with its key. */
export interface KeyedAnswer extends KeptAnswer {
  readonly key: string;
}

/** Something that is to happen to an image that the learner has learned, between two nights. */
export interface Change {
  readonly digest: string;
  /** Its other name; null: it is to be forgotten. */
  readonly label: string | null;
  /** It waits under its other name already, and is only to be forgotten under the old one. */
  readonly exchanged: boolean;
  /** What is to get the other name, as it was when that was asked for: a night may crowd it out. */
  readonly picture: Picture | null;
}

/** The backlog cannot be written: nothing was acknowledged. */
export class BacklogError extends Error {
  override readonly name = "BacklogError";
}

/** Answers under keys are kept so long at least, in milliseconds. */
const KEYS_KEPT = 24 * 3600e3;
/** Most of them. */
const MOST_KEYS = 100_000;
/** Nights that are listed. */
const NIGHTS_KEPT = 1000;

const TABLES = `
  CREATE TABLE IF NOT EXISTS episodes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, label TEXT NOT NULL, origin TEXT NOT NULL,
    pixels BLOB NOT NULL, night INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS nights (
    id INTEGER PRIMARY KEY AUTOINCREMENT, phase TEXT NOT NULL, accept INTEGER NOT NULL, before INTEGER NOT NULL,
    why TEXT NOT NULL, message TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS changes (digest TEXT PRIMARY KEY, label TEXT) STRICT;
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

/** Columns that the tables of earlier versions lack. */
const COLUMNS = [
  ["changes", "exchanged", "INTEGER NOT NULL DEFAULT 0"],
  ["changes", "old", "TEXT"],
  ["changes", "origin", "TEXT"],
  ["changes", "pixels", "BLOB"],
  ["nights", "images", "INTEGER NOT NULL DEFAULT 0"],
] as const;

/** Episodes as pictures, out of the database and into it. */
const SELECT = 'SELECT digest, label, origin AS "from", pixels FROM episodes';
const INSERT = "INSERT INTO episodes (digest, label, origin, pixels) VALUES (?, ?, ?, ?)";

/** The backlog of a learner: a database beside it. One process opens it: whoever has the learner's lock. */
export class Backlog {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #prepared = new Map<string, StatementSync>();
  #writes: Write[] = [];
  #count: number;

  /** Opens the file, which is made where there is none. */
  constructor(path: string) {
    this.#path = path;
    this.#db = this.#guard(() => {
      const db = new DatabaseSync(path, { timeout: 5000 });
      // WAL with FULL: a transaction is on the disk when COMMIT returns, by one fsync of the log.
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON");
      db.exec(TABLES);
      for (const [table, name, type] of COLUMNS) {
        const columns = db.prepare(`PRAGMA table_info(${table})`).all();
        if (columns.some((column) => column.name === name)) continue;
        db.exec(`ALTER TABLE ${table} ADD COLUMN ${name} ${type}`);
      }
      return db;
    });
    this.#count = this.#counted();
  }

  /** Episodes that are here. */
  get count(): number {
    return this.#count;
  }

  /** What is here, in the order in which it came. */
  waiting(): WaitingEpisode[] {
    return this.#all(
      "SELECT digest, label, night FROM episodes ORDER BY seq",
    ) as unknown as WaitingEpisode[];
  }

  /** One of them. */
  find(digest: string): WaitingEpisode | null {
    return this.#get(
      "SELECT digest, label, night FROM episodes WHERE digest = ?",
      digest,
    ) as unknown as
      | WaitingEpisode
      | null;
  }

  /**
   * Keeps an episode; it is on the disk when this resolves. What comes in the meantime shares one transaction, and one
   * fsync.
   *
   * @param key idempotency key, with what was sent under it and what is answered
   * @returns `known` where it was here already, under this name or another; `taken` where the key was used for something
   * else: nothing is kept then, the key neither.
   * @throws {BacklogError}
   */
  async add(
    picture: Picture,
    key: KeyedAnswer | null,
    now: number,
  ): Promise<"added" | "known" | "taken"> {
    return await this.#together(() => {
      // In the same transaction, so that of several at once one has the key.
      if (key && this.#isTaken(key)) return "taken";
      const { changes } = this.#run(`${INSERT} ON CONFLICT DO NOTHING`, ...rowOf(picture));
      if (Number(changes) === 0) return "known";
      if (key) this.#keep(key, now);
      return "added";
    });
  }

  /** Keeps an answer alone, as to an episode that is known already; false where the key was used for something else. */
  async keepAnswer(key: KeyedAnswer, now: number): Promise<boolean> {
    return await this.#together(() => {
      if (this.#isTaken(key)) return false;
      this.#keep(key, now);
      return true;
    });
  }

  /** What was answered under a key. */
  answerTo(key: string): KeptAnswer | null {
    return this.#get("SELECT fingerprint, answer FROM keys WHERE key = ?", key) as unknown as
      | KeptAnswer
      | null;
  }

  /** Gives an episode that no night has taken another name; false where there is none. */
  async relabel(digest: string, label: string): Promise<boolean> {
    return await this.#together(() => {
      this.#dropAnswers(digest);
      const { changes } = this.#run(
        "UPDATE episodes SET label = ? WHERE digest = ? AND night IS NULL",
        ...[label, digest],
      );
      return Number(changes) > 0;
    });
  }

  /** Lets an episode go that no night has taken; false where there is none. */
  async remove(digest: string): Promise<boolean> {
    return await this.#together(() => {
      this.#dropAnswers(digest);
      const { changes } = this.#run(
        "DELETE FROM episodes WHERE digest = ? AND night IS NULL",
        digest,
      );
      return Number(changes) > 0;
    });
  }

  /**
   * Asks for a night with some of the episodes: both are settled at once, so that it is the same night whenever it is
   * begun. A night that was asked for and has not begun takes them as well, and is taken however its exam goes once
   * somebody has asked for that.
   *
   * @param begun the night that is being handed over, whose episodes the learner is being given: it takes no others
   * @param answered is told of the night, and gives what is to be kept under an idempotency key
   */
  ask(
    { accept, nightsBefore, why }: Pick<AskedNight, "accept" | "nightsBefore" | "why">,
    digests: readonly string[],
    begun: number | null,
    answered: (night: number) => KeyedAnswer | null,
    now: number,
  ): AskedNight {
    return this.#transaction(() => {
      const queued = this.nights(["asked"]).findLast(({ id }) => id !== begun);
      const id = queued?.id ?? Number(
        this.#run(
          "INSERT INTO nights (phase, accept, before, why) VALUES ('asked', 0, ?, ?)",
          ...[nightsBefore, why],
        ).lastInsertRowid,
      );
      if (accept) this.#run("UPDATE nights SET accept = 1 WHERE id = ?", id);
      for (const digest of digests) {
        this.#run(
          "UPDATE episodes SET night = ? WHERE digest = ? AND night IS NULL",
          ...[id, digest],
        );
      }
      this.#run("UPDATE nights SET images = images + ? WHERE id = ?", digests.length, id);
      const key = answered(id);
      if (key) this.#keep(key, now);
      return this.nights().find((night) => night.id === id)!;
    });
  }

  /** Nights that were asked for, oldest first. */
  nights(phases?: readonly NightPhase[]): AskedNight[] {
    return this.#all(
      "SELECT id, phase, accept, before, why, images, message FROM nights ORDER BY id",
    )
      .map(({ accept, before, ...rest }) =>
        ({ ...rest, accept: accept === 1, nightsBefore: before }) as unknown as AskedNight
      )
      .filter(({ phase }) => phases?.includes(phase) ?? true);
  }

  /** The episodes of a night, in the order in which they came. */
  episodesOf(night: number): Picture[] {
    return this.#all(`${SELECT} WHERE night = ? ORDER BY seq`, night) as unknown as Picture[];
  }

  /** The learner has these episodes of a night now: they leave. Others of it, which it refused, wait again. */
  handOver(night: number, digests: readonly string[], nightsBefore: number): void {
    this.#transaction(() => {
      for (const digest of digests) this.#run("DELETE FROM episodes WHERE digest = ?", digest);
      this.#run("UPDATE episodes SET night = NULL WHERE night = ?", night);
      this.#run(
        "UPDATE nights SET phase = 'day', before = ? WHERE id = ?",
        ...[nightsBefore, night],
      );
    });
  }

  /** How a night went, or goes. */
  settle(night: number, phase: NightPhase, message: string | null = null): void {
    this.#transaction(() => {
      this.#run(
        "UPDATE nights SET phase = ?, message = coalesce(?, message) WHERE id = ?",
        ...[phase, message, night],
      );
      // Who asked for it was promised a night that is not spent: the same request again is another one.
      if (phase === "impossible") {
        this.#run("DELETE FROM keys WHERE json_extract(answer, '$.night') = ?", night);
      }
      this.#run("DELETE FROM nights WHERE id <= ?", night - NIGHTS_KEPT);
    });
  }

  /** What is to happen between two nights. */
  changes(): Change[] {
    return this.#all(
      "SELECT digest, label, exchanged, old, origin, pixels FROM changes ORDER BY rowid",
    ).map(({ digest, label, exchanged, old, origin, pixels }) => ({
      ...{ digest, label, exchanged: exchanged === 1 },
      picture: pixels === null ? null : { digest, label: old, from: origin, pixels },
    })) as unknown as Change[];
  }

  /** Names that images get between two nights. */
  newLabels(): string[] {
    return this.#all("SELECT DISTINCT label FROM changes WHERE label IS NOT NULL")
      .map(({ label }) => label as string);
  }

  /** What is to happen to one of them. */
  change(digest: string): Pick<Change, "label" | "exchanged"> | null {
    const found = this.#get("SELECT label, exchanged FROM changes WHERE digest = ?", digest);
    return found && { label: found.label as string | null, exchanged: found.exchanged === 1 };
  }

  /** Keeps what is to happen between two nights; with it, where it gets another name, the picture itself. */
  async intend(change: Omit<Change, "exchanged">): Promise<void> {
    await this.#together(() => {
      this.#dropAnswers(change.digest);
      this.#keepChange({ ...change, exchanged: false });
    });
  }

  /** Images that get other names wait again, or go on waiting, and what they were is to be forgotten: all at once. */
  exchange(pictures: readonly Picture[]): void {
    this.#transaction(() => {
      for (const picture of pictures) {
        this.#run(
          `${INSERT} ON CONFLICT (digest) DO UPDATE SET label = excluded.label`,
          ...rowOf(picture),
        );
        this.#run(
          // Another change of the same image, asked for meanwhile, is still to be made.
          "UPDATE changes SET exchanged = 1, pixels = NULL WHERE digest = ? AND label = ?",
          ...[picture.digest, picture.label],
        );
      }
    });
  }

  /** One of the episodes, with its pixels. */
  picture(digest: string): Picture | null {
    return this.#get(`${SELECT} WHERE digest = ?`, digest) as unknown as Picture | null;
  }

  /** Lets an episode go, if it is here, whichever night has taken it. */
  drop(digest: string): void {
    this.#transaction(() => this.#run("DELETE FROM episodes WHERE digest = ?", digest));
  }

  /** They have happened; another change of the same image, asked for meanwhile, stays. */
  endChanges(changes: readonly Omit<Change, "picture">[]): void {
    this.#transaction(() => {
      for (const { digest, label, exchanged } of changes) {
        this.#dropAnswers(digest);
        this.#run(
          "DELETE FROM changes WHERE digest = ? AND label IS ? AND exchanged = ?",
          ...[digest, label, exchanged ? 1 : 0],
        );
      }
    });
  }

  /** A small thing that outlives the process. */
  fact(name: string): string | null {
    return this.#get("SELECT value FROM facts WHERE name = ?", name)?.value as string ?? null;
  }

  /** Keeps such a thing. */
  setFact(name: string, value: string): void {
    this.setFacts({ [name]: value });
  }

  /** Keeps several, all at once. */
  setFacts(facts: Readonly<Record<string, string>>): void {
    this.#transaction(() => {
      for (const [name, value] of Object.entries(facts)) {
        this.#run("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, value);
      }
    });
  }

  /** All episodes with their pixels, for a snapshot. */
  all(): Picture[] {
    return this.#all(`${SELECT} ORDER BY seq`) as unknown as Picture[];
  }

  /** Puts other episodes and changes in the place of all that is here; nights and answers go with them. */
  replaceAll(pictures: readonly Picture[], changes: readonly Change[]): void {
    this.#transaction(() => {
      for (const table of ["episodes", "nights", "keys", "changes"]) {
        this.#run(`DELETE FROM ${table}`);
      }
      for (const picture of pictures) this.#run(INSERT, ...rowOf(picture));
      for (const change of changes) this.#keepChange(change);
    });
  }

  /** How a transaction is brought to the disk, as SQLite says it. */
  durability(): { readonly journal: string; readonly synchronous: number } {
    const [{ journal_mode: journal }] = this.#all("PRAGMA journal_mode");
    const [{ synchronous }] = this.#all("PRAGMA synchronous");
    return { journal: journal as string, synchronous: synchronous as number };
  }

  /** Lets the file have so many pages at most; a transaction that wants more finds the disk full. */
  limitPages(pages: number): void {
    this.#db.exec(`PRAGMA max_page_count = ${pages}`);
  }

  /** Closes the file, with all that was asked of it done. */
  close(): void {
    this.#flush();
    this.#db.close();
  }

  #keep({ key, fingerprint, answer }: KeyedAnswer, now: number): void {
    const at = Math.round(now);
    this.#run(
      "INSERT OR REPLACE INTO keys (key, fingerprint, answer, at) VALUES (?, ?, ?, ?)",
      ...[key, fingerprint, answer, at],
    );
    this.#run("DELETE FROM keys WHERE at < ?", at - KEYS_KEPT);
    this.#run(
      "DELETE FROM keys WHERE rowid <= (SELECT max(rowid) FROM keys) - ?",
      MOST_KEYS,
    );
  }

  #keepChange({ digest, label, exchanged, picture }: Change): void {
    this.#run(
      "INSERT OR REPLACE INTO changes (digest, label, exchanged, old, origin, pixels) VALUES (?, ?, ?, ?, ?, ?)",
      ...[digest, label, exchanged ? 1 : 0],
      ...(picture ? [picture.label, picture.from, picture.pixels] : [null, null, null]),
    );
  }

  #isTaken({ key, fingerprint }: KeyedAnswer): boolean {
    const before = this.answerTo(key);
    return before !== null && before.fingerprint !== fingerprint;
  }

  /** What was answered to an episode is not true any more. */
  #dropAnswers(digest: string): void {
    this.#run("DELETE FROM keys WHERE substr(fingerprint, 1, 65) = ?", `${digest} `);
  }

  /** Does it in one transaction with all that is asked for in this turn of the event loop. */
  #together<T>(action: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#writes.length === 0) setImmediate(() => this.#flush());
    this.#writes.push({ action, resolve: resolve as (value: unknown) => void, reject });
    return promise;
  }

  #flush(): void {
    const writes = this.#writes;
    this.#writes = [];
    if (writes.length === 0) return;
    try {
      const results = this.#transaction(() => writes.map(({ action }) => action()));
      writes.forEach(({ resolve }, i) => resolve(results[i]));
    } catch (error) {
      for (const { reject } of writes) reject(error);
    }
  }

  #transaction<T>(action: () => T): T {
    return this.#guard(() => {
      this.#db.exec("BEGIN IMMEDIATE");
      try {
        const result = action();
        this.#db.exec("COMMIT");
        this.#count = this.#counted();
        return result;
      } catch (error) {
        // A full disk may have ended the transaction already.
        if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
        throw error;
      }
    });
  }

  #counted(): number {
    return Number(this.#get("SELECT count(*) AS n FROM episodes")!.n);
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== "ERR_SQLITE_ERROR") throw error;
      const { message } = error as Error;
      const full = /full/.test(message);
      const found = full ? "no space left on device; free some space" : diskProblem(error);
      throw new BacklogError(`Cannot write ${this.#path}: ${found}`, { cause: error });
    }
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (!statement) this.#prepared.set(sql, statement = this.#db.prepare(sql));
    return statement;
  }

  #run(sql: string, ...values: SQLInputValue[]) {
    return this.#prepare(sql).run(...values);
  }

  #get(sql: string, ...values: SQLInputValue[]) {
    return (this.#prepare(sql).get(...values) ?? null) as Record<string, unknown> | null;
  }

  #all(sql: string, ...values: SQLInputValue[]) {
    return this.#prepare(sql).all(...values) as Record<string, unknown>[];
  }
}

interface Write {
  readonly action: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Values for {@linkcode INSERT}. */
function rowOf({ digest, label, from, pixels }: Picture): SQLInputValue[] {
  return [digest, label, from, pixels];
}
