/** What an address may take, by the decisions alone: the clock is given, the requests are no more than their ends. */
import type { IncomingMessage } from "node:http";
import test from "ava";
import { buckets } from "../../mixins/basics/buckets.ts";
import { occupancy } from "../../mixins/basics/occupancy.ts";
import { clientOf } from "../../mixins/http/client-address.ts";
import { inNetworks, isNetwork } from "../../services/contracts/networks.ts";
import { addressLimits, networksOf } from "../../services/gateway/http/addresses.ts";
import { defaultLimits } from "../../services/gateway/http/limits.ts";

const from = (remoteAddress: string, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  }) as unknown as IncomingMessage;

test("a bucket grants a minute's burst, then evenly, and each key its own", (t) => {
  const all = buckets();
  for (let n = 0; n < 60; n += 1) t.is(all.take("a", 60, 0).waitMs, 0);
  t.is(all.take("a", 60, 0).waitMs, 1_000);
  t.is(all.take("b", 60, 0).waitMs, 0);
  t.is(all.take("a", 60, 1_000).waitMs, 0);
  t.true(all.take("a", 60, 1_000).waitMs > 0);
});

test("a grant tells what is left and when all of it is there again, and a refusal takes nothing", (t) => {
  const all = buckets();
  t.deepEqual(all.take("a", 60, 0, 10), { waitMs: 0, remaining: 50, wholeInMs: 10_000 });
  t.deepEqual(all.take("a", 60, 0, 50), { waitMs: 0, remaining: 0, wholeInMs: 60_000 });
  t.deepEqual(all.take("a", 60, 0, 2), { waitMs: 2_000, remaining: 0, wholeInMs: 60_000 });
  t.deepEqual(all.look("a", 60, 2_000, 2), { waitMs: 0, remaining: 0, wholeInMs: 60_000 });
});

test("what costs more than a minute has is granted to who has used nothing", (t) => {
  const all = buckets();
  t.is(all.take("a", 3, 0, 10).waitMs, 0);
  t.is(all.take("a", 3, 0, 10).waitMs, 60_000);
  t.is(all.take("a", 3, 60_000, 10).waitMs, 0);
});

test("F13: a flood of other keys makes nobody's allowance whole who goes on asking", (t) => {
  const all = buckets(1_000);
  for (let n = 0; n < 60; n += 1) all.take("attacker", 60, 0);
  for (let flood = 0; flood < 5; flood += 1) {
    // Fewer than a generation has, so that one becomes the older in the middle of some floods.
    for (let n = 0; n < 900; n += 1) all.take(`${flood}-${n}`, 60, 0);
    t.true(all.take("attacker", 60, 1).waitMs > 900, String(flood));
    all.take("attacker", 60, 1_000 * (flood + 1));
  }
});

test("places are given up to the greatest number, by key, and come back once", (t) => {
  const all = occupancy();
  const leave = all.enter("a", 2);
  t.truthy(all.enter("a", 2));
  t.is(all.enter("a", 2), undefined);
  t.truthy(all.enter("b", 1));
  leave?.();
  leave?.();
  t.is(all.total, 2);
  t.truthy(all.enter("a", 2));
  t.is(all.enter("a", 2), undefined);
});

test("an address is counted as an IPv4 address, or as IPv6 networks of 64 and of 48 bits, however it is written", (t) => {
  for (const [address, ...expected] of [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"],
    ["2001:db8:1:2::1", "2001:db8:1:2::/64", "2001:db8:1::/48"],
    ["2001:0DB8::1:0:0:0:1", "2001:db8:0:1::/64", "2001:db8:0::/48"],
    ["2001:db8::", "2001:db8:0:0::/64", "2001:db8:0::/48"],
    ["fe80::1%eth0", "fe80:0:0:0::/64", "fe80:0:0::/48"],
    ["", ""],
  ] as const)
    t.deepEqual(networksOf(address), expected as never, address);
});

test("a network is an address or has the length of its prefix", (t) => {
  for (const text of ["10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "::1", "0.0.0.0/0"])
    t.true(isNetwork(text), text);
  for (const text of [
    "",
    "10.0.0.0/33",
    "10.0.0",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "::/129",

    "proxy",
    "10.0.0.0/-1",
  ])
    t.false(isNetwork(text), text);
  const isIn = inNetworks(["10.0.0.0/8", "2001:db8::/32"]);
  for (const address of ["10.9.9.9", "::ffff:10.0.0.1", "2001:db8:1::1"]) t.true(isIn(address), address);
  for (const address of ["11.0.0.1", "2001:db9::1", "", "nobody"]) t.false(isIn(address), address);
});

test("a client behind trusted proxies is the right-most address that is none of them", (t) => {
  const isTrusted = inNetworks(["10.0.0.0/8", "127.0.0.1"]);
  const client = (peer: string, told?: string) => clientOf(from(peer, told), isTrusted);
  for (const [peer, told, address, isForwarded] of [
    ["192.0.2.1", "203.0.113.9", "192.0.2.1", false],
    ["10.0.0.1", undefined, "10.0.0.1", false],
    ["10.0.0.1", "203.0.113.9", "203.0.113.9", true],
    ["::ffff:10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9", true],
    ["10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9", true],
    ["10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3", true],
    ["10.0.0.1", "203.0.113.9, unknown", "10.0.0.1", false],
    ["10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2", true],
    ["127.0.0.1", "203.0.113.9:4711", "203.0.113.9", true],
    ["127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1", true],
    ["127.0.0.1", "", "127.0.0.1", false],
  ] as const)
    t.deepEqual(client(peer, told), { address, isForwarded }, `${peer} ${told}`);
});

const limitsOf = (proxies: readonly string[] = [], requestsPerMinuteMax = 0) =>
  addressLimits({ limits: defaultLimits, requestsPerMinuteMax, isTrustedProxy: inNetworks(proxies) });

const entered = (enter: () => unknown, times: number) =>
  Array.from({ length: times }, enter).filter((leave) => typeof leave === "function").length;

test("an address has 20 bodies on their way, an IPv6 network of 48 bits ten times as many, and all together 200", (t) => {
  const one = limitsOf();
  t.is(
    entered(() => one.body(from("192.0.2.1")), 30),
    20,
  );
  t.is(one.body(from("192.0.2.1")), "address");
  t.is(
    entered(() => one.body(from("192.0.2.2")), 30),
    20,
  );
  const many = limitsOf();
  let given = 0;
  for (let n = 0; n < 50; n += 1)
    given += entered(() => many.body(from(`2001:db8:1:${n.toString(16)}::1`)), 5);
  t.is(given, 200);
  const local = limitsOf();
  t.is(
    entered(() => local.body(from("127.0.0.1")), 300),
    200,
  );
  t.is(local.body(from("127.0.0.1")), "all");
});

test("a body of an address that has too many takes none of the places of all", (t) => {
  const limits = limitsOf();
  t.is(
    entered(() => limits.body(from("192.0.2.1")), 1_000),
    20,
  );
  t.is(
    entered(() => limits.body(from("127.0.0.1")), 1_000),
    180,
  );
});

test("an address has 100 connections; this machine and a trusted proxy have as many as there are", (t) => {
  const limits = limitsOf(["10.0.0.1"]);
  t.is(
    entered(() => limits.connection("192.0.2.1"), 200),
    100,
  );
  t.is(
    entered(() => limits.connection("::ffff:192.0.2.1"), 1),
    0,
  );
  t.is(
    entered(() => limits.connection("127.0.0.1"), 200),
    200,
  );
  t.is(
    entered(() => limits.connection("10.0.0.1"), 200),
    200,
  );
});

test("an address that fails 300 times in a minute to say who it is waits, and others do not", (t) => {
  const limits = limitsOf(["10.0.0.1"]);
  const attacker = from("192.0.2.1");
  for (let n = 0; n < 300; n += 1) {
    t.is(limits.failureWaitMs(attacker, 0), 0);
    limits.failed(attacker, 0);
  }
  t.is(limits.failureWaitMs(attacker, 0), 200);
  t.is(limits.failureWaitMs(attacker, 200), 0);
  t.is(limits.failureWaitMs(from("192.0.2.2"), 0), 0);
  t.is(limits.failureWaitMs(from("10.0.0.1", "192.0.2.1"), 0), 200, "behind a proxy it is the same client");
  for (let n = 0; n < 400; n += 1) limits.failed(from("127.0.0.1"), 0);
  t.is(limits.failureWaitMs(from("127.0.0.1"), 0), 0);
  t.is(limits.failureWaitMs(attacker, 120_000), 0);
});

test("F13: the networks of one site have ten times what one of them has, not each its own", (t) => {
  const limits = limitsOf([], 60);
  let granted = 0;
  for (let n = 0; n < 2_000; n += 1)
    if (limits.request(from(`2001:db8:1:${n.toString(16)}::1`), 0)?.waitMs === 0) granted += 1;
  t.is(granted, 600);
  t.is(limits.request(from("2001:db8:2::1"), 0)?.waitMs, 0);
});

test("clients behind one trusted proxy have their requests each for themselves", (t) => {
  const limits = limitsOf(["127.0.0.1"], 3);
  const ask = (told: string) => limits.request(from("127.0.0.1", told), 0)?.waitMs ?? 0;
  for (let n = 0; n < 3; n += 1) t.is(ask("203.0.113.1"), 0);
  t.true(ask("203.0.113.1") > 0);
  t.true(ask("9.9.9.9, 203.0.113.1") > 0, "what the client has put in front counts for nothing");
  t.is(ask("203.0.113.2"), 0);
});
