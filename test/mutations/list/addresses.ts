/** What becomes of an address that is wanted: guarantees 2g to 2i. */
import type { Mutation } from "../mutation.ts";

const registrySql = "services/smtp-registry/sql.ts";
const onTakenTest = "test/integration/users-on-taken.test.ts";
const holds = "services/smtp-registry/holds.ts";
const holdsTest = "test/integration/registry-holds.test.ts";

export const addresses: readonly Mutation[] = [
  {
    name: "blocked-suffixed",
    guarantee: "2g",
    edits: [
      {
        file: "services/smtp-registry/reservations.ts",
        find: '({ wanted, reason }) => reason === "blocked" || isRefusedWhenTaken(current.request, wanted),',
        replace: "({ wanted }) => isRefusedWhenTaken(current.request, wanted),",
      },
      {
        file: registrySql,
        find: "select key from found where verdict = 'blocked' or verdict = 'taken' and refuse",
        replace: "select key from found where verdict in ('blocked', 'taken') and refuse",
      },
      {
        file: registrySql,
        find: "  where verdict = 'taken' and not exists (select from refused) order by base_key",
        replace:
          "  where verdict in ('blocked', 'taken') and not exists (select from refused) order by base_key",
      },
    ],
    file: onTakenTest,
    title: "a blocked name is refused and never suffixed, as primary and as secondary, whatever is asked",
  },
  {
    name: "blocked-by-suffix",
    guarantee: "2g",
    edits: [
      {
        file: "services/smtp-registry/suffix.ts",
        find: "    passed: blocked.numbersAfter(keyStem),",
        replace: "    passed: blocked.numbersAfter(keyStem).slice(0, 0),",
      },
    ],
    file: onTakenTest,
    title: "a suffix never makes a blocked name, nor one that is a blocked name and a number",
  },
  {
    name: "refusal-opens-circuit",
    guarantee: "2h",
    edits: [
      {
        file: "services/smtp-registry/reservations.ts",
        find: "  await releaseHolds(em, request);\n",
        replace:
          '  await releaseHolds(em, request);\n  if (conflicts.some(({ noSuffix }) => noSuffix !== undefined))\n    throw new Unavailable("database", "Cannot find a free suffix");\n',
      },
    ],
    file: onTakenTest,
    title: "an address that no suffix fits is refused at once, however often it comes, and stops nobody",
  },
  {
    name: "a-look-ends-too-late",
    guarantee: "2h",
    edits: [
      {
        file: "services/smtp-registry/suffixing.ts",
        find: "  return growth < 1 ? undefined",
        replace: "  return leftMs <= 0 ? undefined",
      },
    ],
    file: "test/unit/registry-rules.test.ts",
    title: "A search for a suffix looks on for as long as a look fits into what is left, and no further",
  },
  {
    name: "suffixes-one-by-one",
    guarantee: "2h",
    edits: [
      {
        file: "services/smtp-registry/reservations.ts",
        find: "  const suffixing = await reserveSuffixed(em, current, taken, avoid);\n",
        replace:
          "  for (const one of taken) await reserveSuffixed(em, current, [one], avoid);\n  const suffixing = await reserveSuffixed(em, current, taken, avoid);\n",
      },
    ],
    file: "test/integration/registry-suffix.test.ts",
    title: "A hundred taken addresses send as many statements as one",
  },
  {
    name: "hold-lapses",
    guarantee: "2i",
    edits: [
      {
        file: holds,
        find: "const holders = await ask(page.map(({ key }) => key));",
        replace: "const holders = await ask(page.slice(0, 0).map(({ key }) => key));",
      },
    ],
    file: holdsTest,
    title: "the hold of a committed user is kept over its time to live, and one that nobody committed goes",
  },
  {
    name: "committed-let-go",
    guarantee: "2i",
    edits: [
      {
        file: registrySql,
        find: `then held.\${column} else excluded.\${column} end\`;`,
        replace: `then excluded.\${column} else excluded.\${column} end\`;`,
      },
    ],
    file: holdsTest,
    title: "a later write of the user that fails lets none of its committed addresses go",
  },
];
