import type { Picture } from "../continual/pictures.ts";
import type { Backlog } from "./backlog.ts";
import { Problem } from "./problem.ts";
import type { Arriving, EpisodeAnswer, ServedLearner } from "./served_learner.ts";

/** What became of an episode that was sent. */
export interface Taught {
  /** Whether it was kept now: otherwise it is known already. */
  readonly isNew: boolean;
  /** Whether it was new when it was first sent under its key. */
  readonly wasNew: boolean;
  /** Whether it was sent under its key before. */
  readonly repeated: boolean;
  readonly episode: EpisodeAnswer;
}

/** The episodes that are sent to a service: they are on the disk before anybody is told so. */
export class Episodes {
  readonly #served: ServedLearner;
  readonly #backlog: Backlog;
  readonly #mostWaiting: number;
  readonly #isAsleep: () => boolean;

  /** @param options.mostWaiting that may wait for a night */
  constructor(
    served: ServedLearner,
    backlog: Backlog,
    options: { readonly mostWaiting: number; readonly isAsleep: () => boolean },
  ) {
    this.#served = served;
    this.#backlog = backlog;
    this.#mostWaiting = options.mostWaiting;
    this.#isAsleep = options.isAsleep;
  }

  /** Resolves when all that were on their way are on the disk, or have failed. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#served.arriving.values()].map(({ written }) => written));
  }

  /**
   * Keeps an episode for the next night; it is on the disk when this resolves.
   *
   * @param key the same request sent again has the same; null: none
   * @throws {Problem} @throws {BacklogError}
   */
  async teach(picture: Picture, key: string | null): Promise<Taught> {
    const { digest, label } = picture;
    const fingerprint = `${digest} ${label}`;
    while (this.#served.arriving.has(digest)) await this.#written(digest);
    const before = key === null ? null : this.#backlog.answerTo(key);
    if (before && before.fingerprint !== fingerprint) throw keyIsTaken();
    // What was let go since, or was lost, is new again: an answer is true as long as the episode is known.
    if (before && this.#served.known.labelOf(digest) === label) {
      const { wasNew = true, ...episode } = JSON.parse(before.answer);
      return { isNew: false, wasNew, repeated: true, episode };
    }
    const isNew = this.#served.look(picture);
    const known = this.#served.episode(digest);
    const episode: EpisodeAnswer = known ?? { digest, label, status: "waiting" };
    const answer = JSON.stringify({ ...episode, wasNew: isNew });
    const kept = key === null ? null : { key, fingerprint, answer };
    if (!isNew) {
      if (kept && !await this.#backlog.keepAnswer(kept, Date.now())) throw keyIsTaken();
      return { isNew: false, wasNew: false, repeated: false, episode };
    }
    this.#refuseFull();
    const outcome = await this.#write({ digest, label, isNew: true }, async () => {
      const outcome = await this.#backlog.add(picture, kept, Date.now());
      if (outcome === "taken") throw keyIsTaken();
      return outcome;
    });
    if (outcome === "known") {
      // It was there, under whatever name: what is known is brought in line, and it is looked at again.
      this.#served.know();
      return await this.teach(picture, key);
    }
    return { isNew: true, wasNew: true, repeated: false, episode };
  }

  /**
   * Gives an episode another name, or, with null, forgets it. What waits is changed at once; what a night has taken or
   * learned is kept as to be changed when no night goes on.
   *
   * @returns what became of it where it was changed at once; otherwise null.
   * @throws {Problem}
   */
  async change(
    digest: string,
    label: string | null,
  ): Promise<{ readonly episode: EpisodeAnswer | null } | null> {
    while (this.#served.arriving.has(digest)) await this.#written(digest);
    const found = this.#served.episode(digest);
    if (!found) {
      throw new Problem(
        404,
        `Cannot change ${digest}: no such episode waits, is remembered or is of the exam; give the digest that was ` +
          "answered",
      );
    }
    if (label !== null) this.#served.checkLabel(label);
    const before = this.#backlog.change(digest);
    if (label !== null && before && before.label === null) {
      throw new Problem(
        409,
        `Cannot rename ${digest}: it is to be forgotten when the night has ended; send it again then`,
      );
    }
    if (label === found.label && !before) return { episode: found };
    if (label !== null && found.status === "learned") {
      throw new Problem(
        409,
        `Cannot rename ${digest}: its pixels are not held any more; forget it (DELETE), and send it again`,
      );
    }
    const change = { digest, label, isNew: false };
    if (found.status === "waiting") {
      const done = await this.#write(
        change,
        () => label === null ? this.#backlog.remove(digest) : this.#backlog.relabel(digest, label),
      );
      // Otherwise a night has taken it meanwhile.
      return done ? { episode: this.#served.episode(digest) } : await this.change(digest, label);
    }
    await this.#write(change, async () => {
      const picture = label === null ? null : await this.#served.pictureOf(digest);
      await this.#backlog.intend({ digest, label, picture });
    });
    return null;
  }

  /**
   * Resolves when what is on its way of an episode is there, or has failed: who asks of it at the same time waits. Of
   * several who do, the first goes on, and the others look again.
   */
  async #written(digest: string): Promise<void> {
    await this.#served.arriving.get(digest)?.written.catch(() => {});
  }

  /**
   * Writes something of an episode to the backlog. Its name is taken at once, or others would take the room for it before
   * it is on the disk.
   */
  async #write<T>(
    { digest, label, isNew }: Omit<Arriving, "written">,
    write: () => Promise<T>,
  ): Promise<T> {
    const { arriving, known } = this.#served;
    if (label !== null) known.add({ digest, label });
    const written = write();
    arriving.set(digest, { digest, label, isNew, written });
    let isWritten = false;
    try {
      const result = await written;
      isWritten = true;
      return result;
    } finally {
      arriving.delete(digest);
      // What is new is known already; who sends many would wait for all to be read again each time.
      if (!isNew || !isWritten) this.#served.know();
    }
  }

  /** @throws {Problem} where as many wait, or are on their way, as may. */
  #refuseFull(): void {
    const coming = [...this.#served.arriving.values()].filter(({ isNew }) => isNew).length;
    if (this.#backlog.count + coming < this.#mostWaiting) return;
    throw new Problem(
      429,
      `Cannot keep the episode: ${this.#mostWaiting} wait already; let it sleep (POST /v1/sleep), or wait`,
      this.#isAsleep() ? 30 : 60,
    );
  }
}

function keyIsTaken(): Problem {
  return new Problem(
    422,
    "Cannot keep the episode: its Idempotency-Key was used for another one; give each episode a key of its own",
  );
}
