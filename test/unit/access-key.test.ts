/** The form of access keys, and what nobody may give. */
import test from "ava";
import { requireOwnRights } from "../../services/access/rights.ts";
import type { Principal } from "../../services/contracts/access.ts";
import { keyHash, keyIdOf, newKey } from "../../services/contracts/access-key.ts";
import { roles } from "../../services/contracts/roles.ts";

test("a new key has its form, its id and its hash", (t) => {
  for (const mark of ["live", "test"] as const) {
    const { key, id, hash } = newKey(mark);
    t.regex(key, new RegExp(`^mrk_${mark}_${id}_[0-9A-Za-z]{49}$`));
    t.is(keyIdOf(key), id);
    t.is(hash, keyHash(key));
    t.is(hash.length, 64);
  }
});

test("one wrong character anywhere makes a key none", (t) => {
  const { key } = newKey();
  for (let at = 0; at < key.length; at += 1) {
    const other = key[at] === "x" ? "y" : "x";
    const wrong = key.slice(0, at) + other + key.slice(at + 1);
    t.is(keyIdOf(wrong), undefined, String(at));
  }
  for (const wrong of ["", "mrk_", key.slice(0, -1), `${key}0`, ` ${key}`, `${key}\n`, key.toUpperCase()])
    t.is(keyIdOf(wrong), undefined);
});

test("nobody gives a key with more than they have themselves", (t) => {
  const owner: Principal = { id: "key:o", via: "key", roles: ["owner"] };
  const giving =
    (user: Principal, role: (typeof roles)[number], domains: string[] | null = null) =>
    () =>
      requireOwnRights(user, { role, domains });
  for (const role of roles) t.notThrows(giving(owner, role));
  t.throws(giving({ ...owner, roles: ["mail-admin"] }, "auditor"), { message: /users:export/ });
  t.throws(giving({ ...owner, scopes: ["keys:manage"] }, "lookup"), { message: /addresses:read/ });
  const limited: Principal = { ...owner, domains: ["example.com"] };
  t.notThrows(giving(limited, "viewer", ["example.com"]));
  for (const domains of [null, ["example.org"], ["example.com", "example.org"]])
    t.throws(giving(limited, "viewer", domains), { message: /domains/ });
});
