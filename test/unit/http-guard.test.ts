/** What both HTTP servers let through, decision by decision. */
import test from "ava";
import {
  type GuardedRequest,
  hostOf,
  httpGuard,
  isFromForeignSite,
  isOwnHost,
  malformation,
  targetOf,
  unreservedDecoded,
} from "../../mixins/http/host-guard.ts";
import { authorityOf, canonicalHost } from "../../services/contracts/host.ts";

const request = (lines: readonly (readonly [string, string])[], more: Partial<GuardedRequest> = {}) => ({
  httpVersion: "1.1",
  method: "GET",
  url: "/users",
  // As Node does: the first of two lines counts.
  headers: Object.fromEntries(lines.toReversed().map(([name, value]) => [name.toLowerCase(), value])),
  rawHeaders: lines.flat(),
  ...more,
});

test("a Host is a name or an address with a port or without, and comes in one spelling", (t) => {
  for (const [text, host] of [
    ["localhost", "localhost"],
    ["LocalHost:3000", "localhost"],
    ["mail.example.", "mail.example"],
    ["smtp_registry:3001", "smtp_registry"],
    ["127.0.0.1:", "127.0.0.1"],
    ["127.0.0.1:80", "127.0.0.1"],
    ["[::1]:3000", "[::1]"],
    ["[0:0:0:0:0:0:0:1]", "[::1]"],
  ] as const)
    t.is(hostOf(text), host, text);
  for (const text of [
    "",
    " ",
    "a b",
    "a, b",
    "a/b",
    "a?b",
    "a#b",
    "ann@a",
    "http://a",
    "a:b",
    "a:65536",
    "a:1:2",
    "::1",
    "[::1",
    "[zz]",
    "[fe80::1%25eth0]",
    "1.2.3.256",
    "b\u00fccher.example",
    "a\u0000",
    ":3000",
  ])
    t.is(hostOf(text), undefined, JSON.stringify(text));
});

test("a host of a setting may be an IDN or a bare IPv6 address, and has no port", (t) => {
  t.is(canonicalHost("Bücher.example"), "xn--bcher-kva.example");
  t.is(canonicalHost("2001:DB8::1"), "[2001:db8::1]");
  for (const text of ["a:80", "a:3000", "[::1]:80", "a/", "a b", "u@a", "%61", "1.2.3.256", ""])
    t.is(canonicalHost(text), undefined, text);
  t.is(authorityOf("::1", 3000), "[::1]:3000");
  t.is(authorityOf("[::1]", 3000), "[::1]:3000");
  t.is(authorityOf("127.0.0.1", 3000), "127.0.0.1:3000");
});

const addresses = () => ["10.0.0.5", "[fd00::5]"];
test("loopback, the bound address and the names that are allowed are our own hosts, and no other", (t) => {
  const own = (host: string, bound: string, allowed: string[] = []) =>
    isOwnHost(host, { bound, allowed }, addresses);
  for (const host of [
    "localhost",
    "mail.localhost",
    "127.0.0.1",
    "127.9.8.7",
    "[::1]",
    "[::ffff:7f00:1]",
    "10.0.0.5",
  ])
    t.true(own(host, "10.0.0.5"), host);
  for (const host of [
    "10.0.0.6",
    "[fd00::5]",
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
  ])
    t.false(own(host, "10.0.0.5"), host);
  t.true(own("mail.example", "10.0.0.5", ["mail.example"]));
  t.false(own("www.mail.example", "10.0.0.5", ["mail.example"]));
  for (const wildcard of ["0.0.0.0", "::", "mail.example"]) {
    t.true(own("10.0.0.5", wildcard), wildcard);
    t.true(own("[fd00::5]", wildcard), wildcard);
    t.false(own("10.0.0.6", wildcard), wildcard);
    t.false(own("evil.example", wildcard), wildcard);
  }
  t.true(own("mail.example", "mail.example"));
  t.true(own("[fd00::5]", "fd00::5"));
  t.true(own("0.0.0.0", "0.0.0.0"));
});

test("a wildcard's addresses are those of the machine", (t) => {
  t.true(isOwnHost("127.0.0.1", { bound: "0.0.0.0", allowed: [] }));
  t.false(isOwnHost("192.0.2.7", { bound: "0.0.0.0", allowed: [] }));
});

test("a request has at most 200 header lines, a version, and one Host", (t) => {
  const junk = (count: number) => Array.from({ length: count }, (_, n) => [`x-${n}`, ""] as const);
  const host = ["Host", "localhost"] as const;
  t.is(malformation(request([...junk(199), host])), undefined);
  t.is(malformation(request([...junk(200), host]))?.status, 431);
  for (const httpVersion of ["0.9", "2.0"])
    t.is(malformation(request([host], { httpVersion }))?.status, 400, httpVersion);
  t.is(malformation(request([host], { httpVersion: "1.0" })), undefined);
  t.is(malformation(request([], { httpVersion: "1.0" })), undefined);
  t.is(malformation(request([]))?.status, 400);
  t.is(malformation(request([host, ["HOST", "localhost"]]))?.status, 400);
  t.is(malformation(request([host, ["content-type", "a/b"], ["Content-Type", "a/b"]]))?.status, 400);
  t.is(malformation(request([host, ["accept", "a/b"], ["accept", "c/d"]])), undefined);
});

test("the authority of the absolute form is asked like Host, and Host all the same", (t) => {
  const guard = httpGuard({ bound: "127.0.0.1", allowed: [] });
  const status = (url: string, host: string) => guard(request([["Host", host]], { url }))?.status;
  t.is(status("http://localhost/users", "localhost"), undefined);
  t.is(status("http://evil.example/users", "localhost"), 421);
  t.is(status("http://localhost/users", "evil.example"), 421);
  t.is(status("http://a b/users", "localhost"), 400);
  t.is(status("/users", "evil.example"), 421);
  t.is(status("/users", "localhost"), undefined);
});

test("a page of a foreign site is known by Sec-Fetch-Site and by Origin", (t) => {
  const foreign = (headers: Record<string, string>, method = "POST") =>
    isFromForeignSite({ method, headers: { host: "localhost:3000", ...headers } }, ["mail.example"]);
  for (const site of ["cross-site", "same-site", "", "same-origin, same-origin"])
    t.true(foreign({ "sec-fetch-site": site }), site);
  for (const origin of [
    "http://evil.example",
    "http://localhost",
    "http://localhost:3001",
    "http://localhost:3000.evil.example",
    "http://evil.example/localhost:3000",
    "https://evil.example:3000",
    "null",
    "",
    "file://",
    "http://localhost:3000, http://evil.example",
  ]) {
    t.true(foreign({ origin }), origin);
    t.true(foreign({ origin, "sec-fetch-site": "same-origin" }), origin);
  }
  for (const method of ["PUT", "PATCH", "DELETE", "BREW"])
    t.true(foreign({ origin: "http://evil.example" }, method), method);
  for (const method of ["GET", "HEAD", "OPTIONS"])
    t.false(foreign({ origin: "http://evil.example", "sec-fetch-site": "cross-site" }, method), method);
  const own: Record<string, string>[] = [
    {},
    { "sec-fetch-site": "same-origin", origin: "http://localhost:3000" },
    { "sec-fetch-site": "none" },
    { origin: "http://LOCALHOST:3000" },
    { origin: "https://localhost:3000" },
    { origin: "https://mail.example" },
    { host: "localhost:80", origin: "http://localhost" },
  ];
  for (const headers of own) t.false(foreign(headers), JSON.stringify(headers));
});

test("what is unreserved in a path is decoded, and nothing else", (t) => {
  t.is(unreservedDecoded("/%75s%65rs/%7e%2D%2e%5F%30"), "/users/~-._0");
  for (const path of ["/a%2Fb", "/a%2fb", "/%C3%BC", "/%zz", "/%", "/a%3Fb"])
    t.is(unreservedDecoded(path), path);
  t.is(unreservedDecoded("/%2575"), "/%2575");
});

test("a target is split into authority, path and query", (t) => {
  t.deepEqual(targetOf("/users?a=b?c#d"), { authority: undefined, path: "/users", query: "a=b?c" });
  t.deepEqual(targetOf("HTTP://Mail.example?q"), { authority: "Mail.example", path: "/", query: "q" });
  t.deepEqual(targetOf("*"), { authority: undefined, path: "*", query: "" });
});
