import { DatabaseStore } from "./database_store.ts";
import type { Home, Pupil } from "./pupil.ts";

interface DatabaseHome extends Home {
  readonly learner: DatabaseStore;
  readonly twin: DatabaseStore;
}

/**
 * Where the kept learner lives: in one of two homes, so that another one that takes its place is whole in the other
 * before anything of it is cleared. Learner and twin are databases of their own, which no transaction spans: which home
 * is lived in is therefore a third one's word, a line for each move.
 */
export class KeptHomes {
  readonly #homes: readonly [DatabaseHome, DatabaseHome];
  readonly #moves: DatabaseStore;
  /** Index of the one that is lived in. */
  #lived: number;

  private constructor(
    homes: readonly [DatabaseHome, DatabaseHome],
    moves: DatabaseStore,
    lived: number,
  ) {
    this.#homes = homes;
    this.#moves = moves;
    this.#lived = lived;
  }

  /** Opens both; what a move that was cut off has left in the other one is cleared. */
  static async open(): Promise<KeptHomes> {
    const homes = [await openHome(""), await openHome(" 2")] as const;
    const moves = await DatabaseStore.open("wscl moves");
    const lived = (await moves.lines()).length % 2;
    await clear(homes[1 - lived]);
    return new KeptHomes(homes, moves, lived);
  }

  /** The one that is lived in, or empty. */
  get home(): Home {
    return this.#homes[this.#lived];
  }

  async isEmpty(): Promise<boolean> {
    return (await this.home.learner.names("generations")).length === 0;
  }

  /**
   * Puts another learner in the place of the one that is kept.
   *
   * @param settle makes it in an empty home; where this or what follows fails, the old one is kept.
   */
  async replace(settle: (home: Home) => Promise<Pupil>): Promise<Pupil> {
    const [old, other] = [this.#lived, 1 - this.#lived];
    let pupil: Pupil;
    try {
      await clear(this.#homes[other]); // where an earlier move could not
      pupil = await settle(this.#homes[other]);
      await this.#moves.append(new Date().toISOString());
    } catch (error) {
      // Half a learner only takes room; what cannot be cleared now is when the page is opened again.
      await clear(this.#homes[other]).catch(console.warn);
      throw error;
    }
    this.#lived = other;
    await clear(this.#homes[old]).catch(console.warn);
    return pupil;
  }
}

async function openHome(suffix: string): Promise<DatabaseHome> {
  return {
    place: "kept",
    learner: await DatabaseStore.open(`wscl learner${suffix}`),
    twin: await DatabaseStore.open(`wscl twin${suffix}`),
  };
}

async function clear({ learner, twin }: DatabaseHome): Promise<void> {
  await learner.clear();
  await twin.clear();
}
