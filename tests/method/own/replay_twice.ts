/** A method of one's own as a user writes it: ER-ACE's stream loss with `batches` replayed batches a step. */
import { batchesOf, type Method, replaySegment, type Segment, shuffled } from "wscl/method";

const method: Method = {
  name: "replay_twice",
  options: { batches: 2 },
  needs: ({ methodOptions }) => ({
    replays: Number(methodOptions.batches),
    logits: false,
    shortTerm: false,
    dreams: false,
    votes: false,
    freezing: null,
    jointly: false,
    sleeps: false,
  }),
  async learn(session, task, { config }) {
    const { learner, longTerm, heads, options, random } = session;
    const batches = Number(config.methodOptions.batches);
    const steps = options.epochs * Math.ceil(task.train.length / options.batchSize);
    session.begin("stream", steps);
    for (let epoch = 0; epoch < options.epochs; epoch++) {
      for (const batch of batchesOf(shuffled(task.train, random.order), options.batchSize)) {
        const replays = Array.from({ length: batches }, () => replaySegment(session));
        const slots = longTerm.offer(batch.map(({ label }) => label), random.reservoir);
        const samples = batch.map((sample, i) => ({ ...sample, slot: slots[i] }));
        const open = new Set([...batch.map(({ label }) => label), ...heads.free]);
        const segments: Segment[] = [
          { samples, open },
          ...replays.filter((replay) => replay !== null),
        ];
        await learner.step("stream", segments, longTerm.tensor);
      }
    }
  },
};

export default method;
