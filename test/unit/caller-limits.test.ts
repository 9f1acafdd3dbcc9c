/** What a caller may take, by the decisions alone. */
import test from "ava";
import { localPrincipal, type Principal } from "../../services/contracts/access.ts";
import { callerLimits, costs, kindOf, rateOf } from "../../services/gateway/http/callers.ts";
import type { Exchange } from "../../services/gateway/http/exchange.ts";
import type { HttpProblem } from "../../services/gateway/problems/problems.ts";
import { type Operation, operations } from "../../services/gateway/routes/index.ts";

const row = (id: string) => operations.find((operation) => operation.id === id) as Operation;
const key = (id: string, ...roles: Principal["roles"]): Principal => ({ id: `key:${id}`, via: "key", roles });
const person: Principal = { id: "oidc:test:ann", via: "token", roles: ["helpdesk"] };

interface Asked {
  readonly exchange: Exchange;
  readonly status: number;
}

const clientOf =
  (limits = callerLimits(undefined)) =>
  (user: Principal, id: string, query = "", nowMs = 0): Asked => {
    const exchange = { query, limitHeaders: [], leaves: [] } as unknown as Exchange;
    try {
      limits.enter(user, row(id), exchange, nowMs);
      return { exchange, status: 200 };
    } catch (error) {
      for (const leave of exchange.leaves.splice(0)) leave();
      return { exchange, status: (error as HttpProblem).status };
    }
  };

const over = ({ exchange }: Asked): void => {
  for (const leave of exchange.leaves.splice(0)) leave();
};

test("a request costs by its kind, which its row and a search's text tell", (t) => {
  for (const [id, query, kind] of [
    ["getUser", "", "read"],
    ["lookUpAddress", "", "read"],
    ["listUsers", "limit=5", "list"],
    ["listUsers", "smtp=q@example.com", "list"],
    ["listUsers", "limit=5&q=ann", "search"],
    ["listUsers", "%71=ann", "search"],
    ["createUser", "", "write"],
    ["checkUsers", "", "check"],
    ["deleteUser", "", "write"],
    ["listAudit", "", "audit"],
    ["explainRequest", "", "trace"],
  ] as const)
    t.is(kindOf(row(id), query), kind, `${id} ${query}`);
});

test("every row has a kind of work, and the dearest are those that read many rows", (t) => {
  for (const operation of operations) t.true(kindOf(operation, "") in costs, operation.id);
  t.deepEqual(costs, { read: 1, write: 2, list: 2, trace: 5, audit: 5, search: 10, check: 10, stream: 50 });
});

test("a caller has units by what it is: machines more than people, mail servers most, local without end", (t) => {
  t.is(rateOf(key("a", "lookup"), undefined), 6_000);
  t.is(rateOf(key("a", "provisioner"), undefined), 6_000);
  // 25 writes a second, which Entra ID wants, are half of it.
  t.true((rateOf(key("a", "provisioner"), undefined) ?? 0) >= 2 * 25 * 60 * costs.write);
  t.is(rateOf(key("a", "mail-admin"), undefined), 60_000);
  t.is(rateOf(key("a", "owner"), undefined), 1_200);
  t.is(rateOf(person, undefined), 300);
  t.is(rateOf({ ...person, roles: ["helpdesk", "lookup"] }, undefined), 6_000);
  t.is(rateOf(localPrincipal, undefined), undefined);
  t.is(rateOf(localPrincipal, 50), undefined);
  t.is(rateOf(person, 50), 50);
  t.is(rateOf(person, 0), undefined);
});

test("a caller that has used up its minute gets 429 with what is left, and others do not notice", (t) => {
  const ask = clientOf();
  for (let n = 0; n < 150; n += 1) {
    const asked = ask(person, "createUser");
    t.is(asked.status, 200);
    over(asked);
  }
  const refused = ask(person, "getUser");
  t.is(refused.status, 429);
  t.deepEqual(refused.exchange.limitHeaders, [
    "RateLimit-Policy",
    '"caller";q=300;w=60',
    "RateLimit",
    '"caller";r=0;t=60',
  ]);
  t.is(ask({ ...person, id: "oidc:test:eve" }, "getUser").status, 200);
  t.is(ask(person, "getUser", "", 200).status, 200);
});

test("a caller has 20 requests at a time, 2 of them searches, and each place back with its answer", (t) => {
  const ask = clientOf();
  const owner = key("a", "owner");
  const first = ask(owner, "listUsers", "q=a");
  t.is(first.status, 200);
  t.is(ask(owner, "listUsers", "q=a").status, 200);
  t.is(ask(owner, "listUsers", "q=a").status, 429);
  t.is(ask(key("b", "owner"), "listUsers", "q=a").status, 200);
  over(first);
  const again = ask(owner, "listUsers", "q=a");
  t.is(again.status, 200);
  for (let n = 0; n < 18; n += 1) t.is(ask(owner, "getUser").status, 200);
  t.is(ask(owner, "getUser").status, 429);
  over(again);
  t.is(ask(owner, "getUser").status, 200);
});

test("who imports has 40 requests at a time", (t) => {
  const ask = clientOf();
  const importer = key("a", "mail-admin");
  for (let n = 0; n < 40; n += 1) t.is(ask(importer, "getUser").status, 200);
  t.is(ask(importer, "getUser").status, 429);
});

test("without access control nobody is counted as a caller", (t) => {
  const ask = clientOf();
  for (let n = 0; n < 7_000; n += 1) {
    const { status, exchange } = ask(localPrincipal, "getUser");
    if (status !== 200 || exchange.limitHeaders.length > 0) t.fail(`${n}`);
  }
  t.pass();
});
