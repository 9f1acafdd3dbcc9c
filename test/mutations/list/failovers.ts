/** Another timeline of the users database: guarantee 38. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, clause, condition, use } from "../operators.ts";

const projectionTest = "test/integration/registry-projection.test.ts";
const generationTest = "test/integration/generation.test.ts";

export const failovers: readonly Mutation[] = [
  {
    name: "version-again-after-failover",
    guarantee: "38a",
    edits: [
      edit(
        "services/users/sql.ts",
        "saveWrites",
        becomes(
          clause("g.timeline = … and w.version >= g.generation * …::int"),
          "(… is not null and …::int > 0)",
        ),
      ),
    ],
    file: generationTest,
    title: "after a failover that lost writes no version is given again, and the registry follows",
  },
  {
    name: "marks-kept-over-a-timeline",
    guarantee: "38b",
    edits: [
      edit("services/outbox/watermark.ts", "lowWatermarks.belongTo", becomes(condition("isOther"), "false")),
    ],
    file: "test/integration/relay.test.ts",
    title:
      "marks of a timeline that is over hide nothing: ids that a failover has lost are given, and published, again",
  },
  {
    name: "older-facts-stand",
    guarantee: "38c",
    edits: [
      edit(
        "services/smtp-registry/projection-sql.ts",
        "project",
        becomes(clause("s.generation > o.generation"), "false"),
      ),
    ],
    file: projectionTest,
    title: "Users who have changed places in what was lost are told again one by one",
  },
  {
    name: "older-facts-return",
    guarantee: "38c",
    edits: [
      edit(
        "services/smtp-registry/projection-sql.ts",
        "project",
        becomes(clause("s.generation < o.generation"), "false"),
      ),
    ],
    file: projectionTest,
    title: "An address goes to who has it by a newer generation, whichever event comes first",
  },
  {
    name: "release-leaves-a-tombstone",
    guarantee: "38d",
    edits: [edit("services/users/orphans.ts", "decideOrphan", becomes(use("longAgo"), "at"))],
    file: generationTest,
    title:
      "an orphan is released, so that its addresses are free, or restored with them unless another has one",
  },
];
