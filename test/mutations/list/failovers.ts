/** Another timeline of the users database: guarantee 38. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, clause } from "../operators.ts";

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
];
