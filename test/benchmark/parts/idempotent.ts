/** What it costs to be safe to repeat: creates with an Idempotency-Key each, beside creates without, of one system. */
import type { Outcome, Part } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { startEmbedded, withSystems } from "../harness/systems.ts";
import { workRound, workRows } from "../harness/work.ts";
import { freshPrefix } from "../load/generator.ts";

const plain = { name: "creates without a key", kind: "create" } as const;
const keyed = { name: "creates with an Idempotency-Key", kind: "create-keyed" } as const;

export const idempotent: Part = {
  name: "idempotent",
  title: "Creates with an Idempotency-Key",
  about:
    "One system of one process at saturation. A create with a key looks the key up first, and its answer is kept in the transaction of the user.",
  run(bench): Promise<Outcome> {
    return withSystems([startEmbedded(bench.servers, "idempotent")], async ([system]) => {
      if (system === undefined) throw new Error("Cannot measure: there is no system");
      const rounds = await interleaved(bench, [plain, keyed], ({ kind }) =>
        workRound(bench, system, { kind, prefix: freshPrefix() }, { writes: true }),
      );
      const beside = { name: plain.name, rate: { atLeast: 0.75 }, cpu: { atMost: 1.35 } };
      return { rows: workRows(bench, [plain, { ...keyed, beside }], rounds), figures: [] };
    });
  },
};
