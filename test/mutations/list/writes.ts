/** Addresses and the answers to writes: guarantees 2, 4 and 6. */
import type { Mutation } from "../mutation.ts";

const registrySql = "services/smtp-registry/sql.ts";
const faultsTest = "test/integration/users-faults.test.ts";
const breaker = "mixins/circuit-breaker.ts";
const circuitTest = "test/integration/users-circuit.test.ts";

/** What a statement does with a key that is there, up to its condition. */
const onConflict = `  on conflict (key) do update set
    \${["reservation_id", "requested_key", "reason", "suffix", "held_since"].map(ofSameUser).join(", ")},
    address = excluded.address, user_id = excluded.user_id, kind = excluded.kind, status = 'reserved',
    expires_at = excluded.expires_at, deleted_at = null
`;
/** And with one that is a suffix. */
const onConflictOfSuffix = `  on conflict (key) do update set
    address = excluded.address, user_id = excluded.user_id, kind = excluded.kind, status = 'reserved',
    reservation_id = excluded.reservation_id, requested_key = excluded.requested_key, reason = excluded.reason,
    suffix = excluded.suffix, held_since = excluded.held_since, expires_at = excluded.expires_at, deleted_at = null
`;

const addressFile = "services/contracts/address.ts";
const addressTest = "test/integration/address-rules.test.ts";

const commitsTest = "test/integration/users-commits.test.ts";

export const writes: readonly Mutation[] = [
  {
    name: "unseen-is-granted",
    guarantee: "2e",
    edits: [
      {
        file: "services/contracts/precis.ts",
        find: "!inClass.test(char) || outOfClass.test(char) || unseen.test(char)",
        replace: 'char === "\\0" && (outOfClass.test(char) || unseen.test(char))',
      },
    ],
    file: addressTest,
    title: "what nobody can see, and what a mail server carries out, is no new local part, on any way in",
  },
  {
    name: "instructions-are-granted",
    guarantee: "2e",
    edits: [
      {
        file: addressFile,
        find: "[local, folded].some((text) => instructions.test(text))",
        replace: "instructions.test(local)",
      },
    ],
    file: "test/unit/precis.test.ts",
    title: "what a mail server takes for an instruction is refused in full width, too",
  },
  {
    name: "domain-as-typed",
    guarantee: "2e",
    edits: [
      {
        file: addressFile,
        find: `display: \`\${local}@\${domain.unicode}\``,
        replace: `display: \`\${local}@\${written}\``,
      },
    ],
    file: addressTest,
    title: "a domain is kept as a mail server takes it, however it was typed, and is found in either form",
  },
  {
    name: "old-addresses-are-judged",
    guarantee: "2e",
    edits: [
      {
        file: "services/users/new-values.ts",
        find: "spellings.has(displayOf(address)) ? undefined : objectionToNew(address)",
        replace: "spellings.size === 0 ? undefined : objectionToNew(address)",
      },
    ],
    file: addressTest,
    title:
      "a user whose address has an invisible letter from before is read, changed, removed and restored as any other",
  },
  {
    name: "names-of-nothing",
    guarantee: "2f",
    edits: [
      {
        file: "services/contracts/text.ts",
        find: "if (!seen.test(text)) return",
        replace: 'if (text === "" && !seen.test(text)) return',
      },
    ],
    file: "test/unit/text.test.ts",
    title: "of all code points none is a name alone that nobody can see",
  },
  {
    name: "addresses-not-unique",
    guarantee: "2a",
    edits: [
      {
        file: "migrations/registry/Migration20261123000100_init.ts",
        find: "key text not null primary key,\n        address text not null,",
        replace: "key text not null,\n        address text not null,",
      },
      // Without the index `on conflict` is an error of PostgreSQL's; without both it is "check first, write after".
      {
        file: registrySql,
        find: `${onConflict}  where held.status = 'reserved' and (held.reservation_id = excluded.reservation_id or held.user_id = excluded.user_id)
     or \${lapsed("held")}
`,
        replace: "",
      },
      {
        file: "services/smtp-registry/suffix-sql.ts",
        find: `${onConflictOfSuffix}  where \${lapsed("held")}\n`,
        replace: "",
      },
      // Taken away with what used it.
      {
        file: registrySql,
        find: `/** What a hold keeps when its user asks for the address again by another reservation. */
const ofSameUser = (column: string): string => \`\${column} =
      case when held.status = 'reserved' and held.user_id = excluded.user_id then held.\${column} else excluded.\${column} end\`;
`,
        replace: "",
      },
    ],
    file: "test/integration/registry-reservations.test.ts",
    title: "40 concurrent reservations of one address get 40 addresses, without a gap",
  },
  {
    name: "keys-not-unique",
    guarantee: "2b",
    edits: [
      {
        file: "services/users/sql.ts",
        find: "  where held.user_id = excluded.user_id or held.deleted_at <= ?::timestamptz\n",
        replace: "  where ?::timestamptz is not null\n",
      },
    ],
    file: faultsTest,
    title: "two users never hold one key, though the registry grants it to 20 at once",
  },
  {
    name: "deleted-guard-nothing",
    guarantee: "2b",
    edits: [
      {
        file: "services/users/sql.ts",
        find: "held.deleted_at <= ?::timestamptz",
        replace: "held.deleted_at is not null and ?::timestamptz is not null",
      },
    ],
    file: "test/integration/users-guard.test.ts",
    title:
      "a deleted user's addresses go to nobody else and come back, though the registry has not heard of it",
  },
  {
    name: "registry-asked-too-late",
    guarantee: "4a",
    edits: [
      {
        file: "services/users/write.ts",
        find: "    // What the registry is asked for in vain it may hold after the release of it.\n    budget.check();\n",
        replace: "",
      },
    ],
    file: faultsTest,
    title: "a write whose time is over before it asks the registry leaves no hold behind",
  },
  {
    name: "held-for-nobody",
    guarantee: "4a",
    edits: [
      {
        file: "services/smtp-registry/reserve.ts",
        find: "    await release(db, request);\n",
        replace: "",
      },
    ],
    file: "test/integration/registry-reservations.test.ts",
    title: "what is granted after its caller has given up is let go",
  },
  {
    name: "silence-is-waited-for",
    guarantee: "4e",
    edits: [
      {
        file: "mixins/postgres/database.ts",
        find: "      query_timeout: options.statementTimeoutMs + answerWaitMs,\n",
        replace: "",
      },
      { file: "mixins/postgres/database.ts", find: "const answerWaitMs = 1_000;\n", replace: "" },
    ],
    file: "test/integration/database-unreachable.test.ts",
    title: "what waits on a connection that has fallen silent is refused, and what comes after it goes on",
  },
  {
    name: "tombstone-without-term",
    guarantee: "2c",
    edits: [
      {
        file: registrySql,
        find: `or \${row}.status = 'deleted' and \${row}.deleted_at <= :freed::timestamptz)`,
        replace: `or \${row}.status = 'deleted' and :freed::timestamptz is not null)`,
      },
    ],
    file: "test/integration/registry-terms.test.ts",
    title: "A tombstone goes to nobody else until both terms are over, and back to its owner by a restore",
  },
  {
    name: "newer-code-points",
    guarantee: "2d",
    edits: [
      {
        file: "services/contracts/unicode.ts",
        find: `\\\\p{Cn}\\\\p{Co}\${unicode17}`,
        replace: `\\\\p{Cn}\\\\p{Co}\${unicode17.slice(0, 0)}`,
      },
    ],
    file: "test/unit/address.test.ts",
    title: "Node and Deno give every address the same key, and so every block of 256 code points",
  },
  {
    name: "budget-unchecked",
    guarantee: "4a",
    edits: [
      {
        file: "services/users/commit.ts",
        find: "      for (const { budget } of works) budget.check();\n",
        replace: "",
      },
    ],
    file: faultsTest,
    title: "a write whose time is over is not committed",
  },
  {
    name: "registry-asked-meanwhile",
    guarantee: "4a",
    edits: [
      {
        file: "services/users/write.ts",
        find: 'await restated(bodyOf(request.command), () => request.reserve(addresses, "refuse"));',
        replace: 'void request.reserve(addresses, "refuse").catch(() => {});',
      },
    ],
    file: faultsTest,
    title: "without the registry every write is refused within 2 s, leaves nothing behind, and reads go on",
  },
  {
    name: "reads-ask-the-registry",
    guarantee: "4b",
    edits: [
      {
        file: "services/users/index.ts",
        find: "get: (ctx) => getUser(findState, ctx.params.id),",
        replace:
          'get: async (ctx) => {\n        const user = await getUser(findState, ctx.params.id);\n        await ctx.call("smtp-registry.lookup", { address: user.primarySmtp });\n        return user;\n      },',
      },
    ],
    file: faultsTest,
    title: "without the registry every write is refused within 2 s, leaves nothing behind, and reads go on",
  },
  {
    name: "late-calls-are-run",
    guarantee: "4c",
    edits: [
      {
        file: "moleculer.config.ts",
        find: "      latenessMiddleware(),\n",
        replace: "",
      },
    ],
    file: "test/system/distributed.test.ts",
    title: "a write refused while users was frozen is not carried out when it wakes",
  },
  {
    name: "all-try-at-once",
    guarantee: "4d",
    edits: [
      {
        file: breaker,
        find: 'if (state === "half-open" || refused.refusedForMs > 0',
        replace: "if (refused.refusedForMs > 0",
      },
      {
        file: breaker,
        find: 'become("half-open", nowMs + patienceMs)',
        replace: 'become("half-open", nowMs)',
      },
    ],
    file: circuitTest,
    title: "while it does not answer, one write at a time tries",
  },
  {
    name: "refusal-is-a-fault",
    guarantee: "4d",
    edits: [
      {
        file: breaker,
        find: 'isFault(error) ? "failed" : "answered"',
        replace: 'isFault(error) ? "failed" : "failed"',
      },
    ],
    file: circuitTest,
    title: "what the registry refuses, it has answered",
  },
  {
    name: "one-fault-opens",
    guarantee: "4d",
    edits: [
      { file: breaker, find: "(faults >= limits.faultsMax && isQuiet)", replace: "(faults >= 1 && isQuiet)" },
    ],
    file: circuitTest,
    title: "one slow call opens nothing",
  },
  {
    name: "open-for-ever",
    guarantee: "4d",
    edits: [
      {
        file: breaker,
        find: 'if (state === "half-open") become("closed", nowMs);',
        replace: 'if (state === "half-open") become("open", nowMs + limits.openMs);',
      },
    ],
    file: circuitTest,
    title:
      "a registry that stopped answering costs some writes their wait and no more, and the circuit closes by itself",
  },
  {
    name: "answers-overwritable",
    guarantee: "6",
    edits: [
      {
        file: "mixins/idempotency.ts",
        find: "    where idempotency.expires_at <= excluded.created_at\n",
        replace: "",
      },
    ],
    file: "test/integration/users-idempotency.test.ts",
    title: "requests with one key in several processes at once make one user and get one answer",
  },
  {
    name: "answer-kept-apart",
    guarantee: "6",
    edits: [
      {
        file: "services/users/commit.ts",
        find: "      for (const { ticket, answer } of works) await ticket.remember(em, answer);\n",
        replace: "",
      },
      {
        file: "services/users/commit.ts",
        find: "  let decided = false;\n",
        replace:
          "  for (const { ticket, answer } of works) await db.transaction((em) => ticket.remember(em, answer));\n  let decided = false;\n",
      },
    ],
    file: "test/integration/users-idempotency.test.ts",
    title: "an answer and its write are stored together or not at all",
  },
  {
    name: "neighbours-fail-too",
    guarantee: "15",
    edits: [
      {
        file: "services/users/commit.ts",
        find: "const isOwn = works.length === 1 && !isContention(error);",
        replace: "const isOwn = true;",
      },
    ],
    file: commitsTest,
    title: "a write that can't succeed fails alone, and its neighbours are committed once",
  },
  {
    name: "neighbours-wait-too",
    guarantee: "15",
    edits: [
      { file: "services/users/commit.ts", find: 'const briefly = "50ms";', replace: 'const briefly = "0";' },
    ],
    file: commitsTest,
    title: "nobody waits with writes that find their row locked",
  },
];
