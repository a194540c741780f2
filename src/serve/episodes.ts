import type { Picture } from "../continual/pictures.ts";
import type { Backlog } from "./backlog.ts";
import { Problem } from "./problem.ts";
import type { EpisodeAnswer, ServedLearner } from "./served_learner.ts";

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
  /** Those on their way to the disk. */
  readonly #arriving = new Map<string, Promise<unknown>>();

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
    await Promise.allSettled(this.#arriving.values());
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
    // Who sends the same at the same time waits for the first one's answer.
    await this.#arriving.get(digest)?.catch(() => {});
    const before = key === null ? null : this.#backlog.answerTo(key);
    if (before) {
      if (before.fingerprint !== fingerprint) throw keyIsTaken();
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
    if (this.#backlog.count + this.#arriving.size >= this.#mostWaiting) {
      throw new Problem(
        429,
        `Cannot keep the episode: ${this.#mostWaiting} wait already; let it sleep (POST /v1/sleep), or wait`,
        this.#isAsleep() ? 30 : 60,
      );
    }
    this.#served.known.add(picture);
    const arriving = this.#backlog.add(picture, kept, Date.now());
    this.#arriving.set(digest, arriving);
    try {
      if (await arriving === "taken") throw keyIsTaken();
    } catch (error) {
      await this.#served.refresh(); // it is not known after all
      throw error;
    } finally {
      this.#arriving.delete(digest);
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
    await this.#arriving.get(digest)?.catch(() => {});
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
    if (found.status === "waiting") {
      const done = label === null
        ? await this.#backlog.remove(digest)
        : await this.#backlog.relabel(digest, label);
      if (done) {
        await this.#served.refresh();
        return { episode: this.#served.episode(digest) };
      }
    }
    const picture = label === null ? null : await this.#served.pictureOf(digest);
    await this.#backlog.intend({ digest, label, picture });
    return null;
  }
}

function keyIsTaken(): Problem {
  return new Problem(
    422,
    "Cannot keep the episode: its Idempotency-Key was used for another one; give each episode a key of its own",
  );
}
