/** Who is let in, by what, and what they may: guarantee 49. */
import { edit, type Mutation } from "../mutation.ts";
import { always, becomes, condition, drops, never, statement } from "../operators.ts";

const keysTest = "test/integration/access-keys.test.ts";
const formTest = "test/unit/access-key.test.ts";

export const access: readonly Mutation[] = [
  {
    name: "scope-not-asked",
    guarantee: "49a",
    edits: [
      edit(
        "services/gateway/access/index.ts",
        "accessHooks.authorize",
        becomes(condition("missing"), always),
      ),
    ],
    file: "test/integration/access-walk.test.ts",
    title: "each role is let through where the table says so, and elsewhere hears which scope it lacks",
  },
  {
    name: "away-before-refused",
    guarantee: "49a",
    edits: [edit("services/gateway/moleculer-web.ts", "refusalOr", becomes(condition("isJudged"), always))],
    file: "test/integration/gateway-callers.test.ts",
    title: "whoever may not is told that, whatever is away behind the gateway",
  },
  {
    name: "key-crc-not-asked",
    guarantee: "49b",
    edits: [edit("services/contracts/access-key.ts", "keyIdOf", becomes(condition("checksumOf"), always))],
    file: formTest,
    title: "one wrong character anywhere makes a key none",
  },
  {
    name: "key-kept-for-repeats",
    guarantee: "49b",
    edits: [
      edit(
        "services/access/keys.ts",
        "insert",
        becomes(statement("remember"), "await remember?.(em, { ...answer, key: row.hash } as never);"),
      ),
    ],
    file: keysTest,
    title: "a key is told once, and kept nowhere",
  },
  {
    name: "revoked-still-good",
    guarantee: "49c",
    edits: [
      edit("services/gateway/access/keys.ts", "keyRing.requireGood", becomes(condition("isRevoked"), never)),
    ],
    file: keysTest,
    title: "a revoked key is refused, by a gateway that is told and by one that asks",
  },
  {
    name: "revocation-unannounced",
    guarantee: "49c",
    edits: [edit("services/access/index.ts", "accessService.changed", drops(statement("broadcast")))],
    file: keysTest,
    title: "a revocation is announced, so that no gateway has to ask for it",
  },
  {
    name: "expired-still-good",
    guarantee: "49c",
    edits: [
      edit(
        "services/gateway/access/keys.ts",
        "keyRing.requireGood",
        becomes(condition("expiresAtMs"), never),
      ),
    ],
    file: keysTest,
    title: "a rotation gives as much for as long, and leaves the old key its overlap",
  },
  {
    name: "stale-copy-believed",
    guarantee: "49d",
    edits: [
      edit("services/gateway/access/keys.ts", "keyRing.requireFresh", becomes(condition("isFresh"), always)),
    ],
    file: keysTest,
    title: "a copy of the keys that is too old lets nobody in, until there is a new one",
  },
  {
    name: "gives-more-than-own",
    guarantee: "49e",
    edits: [edit("services/access/rights.ts", "requireOwnRights", becomes(condition("beyond"), never))],
    file: formTest,
    title: "nobody gives a key with more than they have themselves",
  },
  {
    name: "key-change-off-record",
    guarantee: "49f",
    edits: [edit("services/access/keys.ts", "revokeKey", drops(statement("recordActivity")))],
    file: keysTest,
    title: "each change of a key is on record, with who made it",
  },
];
