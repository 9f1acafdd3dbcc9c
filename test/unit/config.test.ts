import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { brokerOptions } from "../../moleculer.config.ts";
import { ConfigError, loadClientConfig, loadConfig, variableNames } from "../../services/config/index.ts";
import { ownNodeId } from "../../services/config/node-id.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";
import { testLogger } from "../support/logs.ts";

const database = "postgresql://nobody:hidden@127.0.0.1:1/none";
const folder = mkdtempSync(join(tmpdir(), "mailroster-test-"));
test.after.always(() => rmSync(folder, { recursive: true }));
let filesCount = 0;

function fileOf(text: string): string {
  filesCount += 1;
  const path = join(folder, `secret-${filesCount}`);
  writeFileSync(path, text);
  return path;
}

/** A gateway that trusts an identity provider, but for what a test says otherwise. */
const oidc = (more: Record<string, string> = {}): Record<string, string> => ({
  AUTH: "required",
  OIDC_ISSUERS: "demo=https://login.example",
  OIDC_AUDIENCE: "https://mail.example",
  OIDC_ROLES_FILE: fileOf('{"mail":{"role":"mail-admin","domains":["Example.com"],"issuer":"demo"}}'),
  ...more,
});

const badValues: [variable: string, env: Record<string, string>][] = [
  ["HTTP_PORT", { HTTP_PORT: "http" }],
  ["HTTP_PORT", { HTTP_PORT: "65536" }],
  ["OPS_PORT", { OPS_PORT: "-1" }],
  ["SOCKETMAP_PORT", { SOCKETMAP_PORT: "smtp" }],
  ["SOCKETMAP_ALLOW", { SOCKETMAP_PORT: "10099", SOCKETMAP_HOST: "0.0.0.0" }],
  ["SOCKETMAP_ALLOW", { SOCKETMAP_ALLOW: "10.0.0.0/33" }],
  ["RECIPIENT_DELIMITER", { RECIPIENT_DELIMITER: "a" }],
  ["SOCKETMAP_POSTMASTER", { SOCKETMAP_POSTMASTER: "postmaster" }],
  ["SOCKETMAP_INACTIVE", { SOCKETMAP_INACTIVE: "bounce" }],
  ["OPS_PORT", { HTTP_PORT: "3999", OPS_PORT: "3999" }],
  ...[
    "a b",
    "a/b",
    "http://a",
    "a:3000",
    "*",
    ".example.com",
    "ann@a",
    "1.2.3.256",
    "a,,b c",
    "[::1]:80",
  ].map((hosts): [string, Record<string, string>] => ["HTTP_ALLOWED_HOSTS", { HTTP_ALLOWED_HOSTS: hosts }]),
  ["SERVICES", { SERVICES: "users,mail" }],
  ["HTTP_BODY_BYTES_MAX", { HTTP_BODY_BYTES_MAX: "12" }],
  ["HTTP_REQUESTS_PER_MINUTE_MAX", { HTTP_REQUESTS_PER_MINUTE_MAX: "1.5" }],
  ["RESERVATION_TTL_MS", { RESERVATION_TTL_MS: "0" }],
  ["TOMBSTONE_DAYS", { TOMBSTONE_DAYS: "a month" }],
  ["QUARANTINE_DAYS", { QUARANTINE_DAYS: "-3" }],
  ["IDEMPOTENCY_HOURS", { IDEMPOTENCY_HOURS: "0" }],
  ["DEAD_LETTER_DAYS", { DEAD_LETTER_DAYS: "0" }],
  ["MAILROSTER_URL", { MAILROSTER_URL: "ftp://127.0.0.1" }],
  ["LOG_LEVEL", { LOG_LEVEL: "loud" }],
  ["LOG_FORMAT", { LOG_FORMAT: "xml" }],
  ["LOG_PII", { LOG_PII: "yes" }],
  ["MIGRATE", { MIGRATE: "never" }],
  ["OPS_HOST", { OPS_HOST: "127.0.0.1:3001" }],
  ["OPS_TOKEN_FILE", { OPS_HOST: "0.0.0.0" }],
  ["OPS_TOKEN_FILE", { OPS_HOST: "ops.example", INSECURE_BIND: "false" }],
  ["OPS_TOKEN", { OPS_TOKEN: "hidden" }],
  ["OPS_TOKEN", { OPS_TOKEN: `hidden ${"a".repeat(20)}` }],
  ["DATABASE_PLAINTEXT", { DATABASE_PLAINTEXT: "yes" }],
  ["DATABASE_URL", { DATABASE_URL: "postgresql://u:hidden@db/x", REGISTRY_DATABASE_URL: database }],
  ["REGISTRY_DATABASE_URL", { DATABASE_URL: database, REGISTRY_DATABASE_URL: "postgresql://u:hidden@db/x" }],
  ["MIGRATE", { MIGRATE: "check" }],
  ["FAULT_INJECTION", { FAULT_INJECTION: "1" }],
  ["FAULT_INJECTION", { FAULT_INJECTION: "true", HTTP_HOST: "0.0.0.0", AUTH: "required" }],
  ["FAULT_INJECTION", { FAULT_INJECTION: "true", HTTP_HOST: "127.example.com" }],
  ["AUTH", { AUTH: "maybe" }],
  ["AUTH", { HTTP_HOST: "0.0.0.0" }],
  ["AUTH", { HTTP_HOST: "mail.example", AUTH: "none" }],
  ["INSECURE_BIND", { INSECURE_BIND: "yes" }],
  ["TRUSTED_PROXIES", { AUTH: "proxy" }],
  ["TRUSTED_PROXIES", { TRUSTED_PROXIES: "10.0.0.0/33" }],
  ["TRUSTED_PROXIES", { TRUSTED_PROXIES: "proxy.example" }],
  ["OIDC_ISSUERS", oidc({ AUTH: "none" })],
  ["OIDC_ISSUERS", oidc({ AUTH: "proxy", TRUSTED_PROXIES: "::1" })],
  ...[
    "https://login.example",
    "Demo=https://login.example",
    "a-very-long-name-indeed=https://login.example",
    "demo=http://login.example",
    "demo=http://localhost.example",
    "demo=ftp://127.0.0.1",
    "demo=login",
    "demo=https://login.example?a=b",
    "demo=https://u:hidden@login.example",
    "demo=https://one.example,demo=https://two.example",
    "one=https://login.example,two=https://login.example",
    "demo=https://login.example,",
  ].map((issuers): [string, Record<string, string>] => ["OIDC_ISSUERS", oidc({ OIDC_ISSUERS: issuers })]),
  ["OIDC_AUDIENCE", oidc({ OIDC_AUDIENCE: "" })],
  ["OIDC_ALGORITHMS", oidc({ OIDC_ALGORITHMS: "none" })],
  ["OIDC_ALGORITHMS", oidc({ OIDC_ALGORITHMS: "RS256,HS256" })],
  ["OIDC_TYP", oidc({ OIDC_TYP: "id" })],
  ["OIDC_CLOCK_SKEW_S", oidc({ OIDC_CLOCK_SKEW_S: "61" })],
  ["OIDC_SUBJECT_CLAIM", oidc({ OIDC_SUBJECT_CLAIM: "tid,,oid" })],
  ["OIDC_ROLES_FILE", oidc({ OIDC_ROLES_FILE: "" })],
  ["OIDC_ROLES_FILE", oidc({ OIDC_ROLES_FILE: "/no/such/file" })],
  ...[
    "{",
    "[]",
    '{"mail":"mail-admin"}',
    '{"":{"role":"viewer"}}',
    '{"mail":{"role":"postmaster"}}',
    '{"mail":{"role":"viewer","domain":"example.com"}}',
    '{"mail":{"role":"viewer","domains":[]}}',
    '{"mail":{"role":"viewer","domains":["example..com"]}}',
    '{"mail":{"role":"viewer","issuer":"entra"}}',
  ].map((roles): [string, Record<string, string>] => [
    "OIDC_ROLES_FILE",
    oidc({ OIDC_ROLES_FILE: fileOf(roles) }),
  ]),
  ["DATABASE_URL", { DATABASE_URL: "mysql://u:hidden@127.0.0.1/x", REGISTRY_DATABASE_URL: database }],
  ["DATABASE_URL", { REGISTRY_DATABASE_URL: database }],
  ["REGISTRY_DATABASE_URL", { DATABASE_URL: database }],
  ["REGISTRY_DATABASE_URL", { DATABASE_URL: database, REGISTRY_DATABASE_URL: database }],
  ["AMQP_URL", { AMQP_URL: "rabbit:hidden" }],
  ["AMQP_URL", { SERVICES: "gateway" }],
  ["AMQP_URL_FILE", { AMQP_URL_FILE: "/no/such/file" }],
  ["RETRY_DELAYS_MS", { RETRY_DELAYS_MS: "1000,soon" }],
  ["RETRY_DELAYS_MS", { RETRY_DELAYS_MS: "1000,,2000" }],
  ["RETRY_DELAYS_MS", { RETRY_DELAYS_MS: Array(21).fill("1000").join() }],
  ["RETRY_DELAYS_MS", { RETRY_DELAYS_MS: "1000,-5" }],
  ["HTTP_PORT", { HTTP_PORT: "0x10" }],
  ["HTTP_PORT", { HTTP_PORT: "1e3" }],
  ["HTTP_PORT", { HTTP_PORT: "+80" }],
  ["TOMBSTONE_DAYS", { TOMBSTONE_DAYS: "٣" }],
  ["BLOCKED_LOCAL_PARTS", { BLOCKED_LOCAL_PARTS: "foo bar,@x" }],
  ["BLOCKED_LOCAL_PARTS", { BLOCKED_LOCAL_PARTS: "root,@x" }],
  ["BLOCKED_LOCAL_PARTS", { BLOCKED_LOCAL_PARTS: "root@example.com" }],
  ["BLOCKED_LOCAL_PARTS", { BLOCKED_LOCAL_PARTS: "root,,admin" }],
  ["BLOCKED_LOCAL_PARTS", { BLOCKED_LOCAL_PARTS: "root;admin" }],
  ["NODE_ID", { NODE_ID: "a b" }],
  ["NODE_ID", { NODE_ID: "users/1" }],
  ["NODE_ID", { NODE_ID: "ü" }],
  ["NODE_ID", { NODE_ID: "a".repeat(101) }],
  ["HTTP_HOST", { HTTP_HOST: "http://127.0.0.1" }],
  ["HTTP_HOST", { HTTP_HOST: "127.0.0.1:3000" }],
  ["HTTP_HOST", { HTTP_HOST: "[::1]" }],
  ["HTTP_HOST", { HTTP_HOST: "a host" }],
  ["SERVICES", { SERVICES: "users,users", AMQP_URL: "amqp://broker", DATABASE_URL: database }],
  ["SERVICES", { SERVICES: "gateway,", AMQP_URL: "amqp://broker" }],
  ["SERVICES", { SERVICES: "Gateway", AMQP_URL: "amqp://broker" }],
  ["LOG_LEVEL", { LOG_LEVEL: "INFO" }],
  ["DATABASE_URL", { DATABASE_URL: "postgresql:hidden", REGISTRY_DATABASE_URL: database }],
  ["DATABASE_URL", { DATABASE_URL: "postgresql://u:%hidden@a/x", REGISTRY_DATABASE_URL: database }],
  ["DATABASE_URL", { DATABASE_URL: `${database};${database}2`, REGISTRY_DATABASE_URL: database }],
  [
    "REGISTRY_DATABASE_URL",
    {
      DATABASE_URL: "postgresql://a@localhost/x",
      REGISTRY_DATABASE_URL: "postgres://b@LOCALHOST:5432/x?a=1",
    },
  ],
  ["AMQP_CA_FILE", { AMQP_URL: "amqps://broker", AMQP_CA_FILE: "/no/such/file" }],
  ["AMQP_CA_FILE", { AMQP_URL: "amqps://one;amqp://two", AMQP_CA_FILE: fileOf("-----") }],
  ["AMQP_CA_FILE", { AMQP_CA_FILE: fileOf("-----") }],
  ["AMQP_KEY_FILE", { AMQP_URL: "amqps://broker", AMQP_CERT_FILE: fileOf("hidden") }],
  ["AMQP_CERT_FILE", { AMQP_URL: "amqps://broker", AMQP_KEY_FILE: fileOf("hidden") }],
  [
    "AMQP_CERT_FILE, AMQP_KEY_FILE",
    { AMQP_URL: "amqps://broker", AMQP_CERT_FILE: fileOf("hidden"), AMQP_KEY_FILE: fileOf("hidden") },
  ],
  ["AMQP_URL", { AMQP_URL: "amqp:broker" }],
  ["AMQP_URL", { AMQP_URL: "amqp://" }],
  ["AMQP_URL", { AMQP_URL: "amqp://a;" }],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/?key=1" }],
  ["MAILROSTER_URL", { MAILROSTER_URL: "http://127.0.0.1:3000/#users" }],
  ["AMQP_URL_FILE", { AMQP_URL: "amqp://broker", AMQP_URL_FILE: fileOf("amqp://broker") }],
  ["AMQP_URL_FILE", { AMQP_URL_FILE: fileOf("") }],
  ["AMQP_URL_FILE", { AMQP_URL_FILE: fileOf(" \n") }],
  ["AMQP_URL_FILE", { AMQP_URL_FILE: fileOf("amqp://hidden\namqp://other\n") }],
  ["AMQP_URL_FILE", { AMQP_URL_FILE: tmpdir() }],
];

for (const [variable, env] of badValues)
  test(`${JSON.stringify(env)} is refused with a sentence that names ${variable}`, (t) => {
    const error = t.throws(() => loadConfig(env, false), { instanceOf: ConfigError });
    t.true(error.message.startsWith(`${variable} `), error.message);
    t.false(error.message.includes("hidden"), "a secret is not echoed");
    t.false(error.message.includes("\n"));
  });

test("no environment at all is the embedded system", (t) => {
  const config = loadConfig({}, false);
  t.is(config.usersDatabaseUrl, undefined);
  t.is(config.amqpUrl, undefined);
  t.is(config.services.length, 6);
  t.is(config.httpPort, 3000);
  t.is(config.opsPort, 3001);
  t.is(config.logFormat, "json");
});

test("off loopback the ops port has a token, or somebody has said that it needs none; it does not follow HTTP_HOST", (t) => {
  t.is(loadConfig({ HTTP_HOST: "::1" }).opsHost, "127.0.0.1");
  const token = "a".repeat(20);
  t.is(loadConfig({ OPS_HOST: "0.0.0.0", OPS_TOKEN_FILE: fileOf(`${token}\n`) }).opsToken, token);
  t.is(loadConfig({ OPS_HOST: "0.0.0.0", INSECURE_BIND: "true" }).opsToken, undefined);
});

test("an identity provider is trusted by what its people's tokens are checked for", (t) => {
  t.is(loadConfig({}).oidc, undefined);
  const config = loadConfig(oidc({ OIDC_SUBJECT_CLAIM: "tid, oid", OIDC_ACR: "mfa,phr" })).oidc;
  t.like(config, {
    issuers: [{ alias: "demo", url: "https://login.example" }],
    audience: "https://mail.example",
    algorithms: ["RS256", "PS256", "ES256", "EdDSA"],
    typ: "at+jwt",
    clockSkewS: 30,
    subjectClaims: ["tid", "oid"],
    roleClaim: "roles",
    strongSignIns: ["mfa", "phr"],
  });
  t.deepEqual(config?.grants.get("mail"), { role: "mail-admin", domains: ["example.com"], issuer: "demo" });
  const local = loadConfig(oidc({ OIDC_ISSUERS: "demo=http://127.0.0.1:9/x/,b=http://localhost" })).oidc;
  t.is(local?.issuers[0]?.url, "http://127.0.0.1:9/x/");
});

test("HTTP_ALLOWED_HOSTS names hosts in any spelling", (t) => {
  const { allowedHosts } = loadConfig({
    HTTP_ALLOWED_HOSTS: " Mail.Example., bücher.example,10.0.0.5,::1,[FD00::5],,",
  });
  t.deepEqual(allowedHosts, ["mail.example", "xn--bcher-kva.example", "10.0.0.5", "[::1]", "[fd00::5]"]);
  t.deepEqual(loadConfig({}).allowedHosts, []);
});

test("a client of ours finds the gateway where HTTP_HOST says, unless MAILROSTER_URL says otherwise", (t) => {
  const urlOf = (env: Record<string, string>) =>
    loadClientConfig({ HTTP_PORT: "3210", ...env }, "doctor").gatewayUrl;
  t.is(urlOf({}), "http://127.0.0.1:3210");
  t.is(urlOf({ HTTP_HOST: "::1" }), "http://[::1]:3210");
  t.is(urlOf({ HTTP_HOST: "10.0.0.5" }), "http://10.0.0.5:3210");
  for (const HTTP_HOST of ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"])
    t.is(urlOf({ HTTP_HOST }), "http://127.0.0.1:3210", HTTP_HOST);
  t.is(urlOf({ HTTP_HOST: "::1", MAILROSTER_URL: "http://mail.example/" }), "http://mail.example");
});

test("a client of ours knows whether MAILROSTER_URL was given, even when it says what would have been assumed", (t) => {
  t.false(loadClientConfig({}, "seed").isGatewayGiven);
  t.true(loadClientConfig({ MAILROSTER_URL: "http://127.0.0.1:3000" }, "seed").isGatewayGiven);
});

test("a client of ours takes no more than a service one database for both sides", (t) => {
  for (const [users, registry] of [
    ["postgresql://a@db/one?sslmode=verify-full", "postgresql://b@DB:5432/one?sslmode=verify-full"],
    ["postgresql://a@[::1],localhost/one", "postgresql://b@127.0.0.1,localhost:5432/one"],
  ] as const) {
    const error = t.throws(
      () => loadClientConfig({ DATABASE_URL: users, REGISTRY_DATABASE_URL: registry }, "migrate"),
      { instanceOf: ConfigError },
    );
    t.is(error.message, "REGISTRY_DATABASE_URL must name another database than DATABASE_URL");
  }
});

test("a URL of PostgreSQL names several servers by commas, and two URLs are refused in one sentence", (t) => {
  const both = (url: string) => loadClientConfig({ DATABASE_URL: url }, "migrate");
  const url = "postgresql://u@one:5432,two:5433/db?target_session_attrs=read-write&sslmode=verify-full";
  t.is(both(url).usersDatabaseUrl, url);
  const error = t.throws(() => both("postgresql://u:hidden@one/db;postgresql://u:hidden@two/db"), {
    instanceOf: ConfigError,
  });
  t.regex(error.message, /^DATABASE_URL must be one URL: several servers stand in it, as in [^;]+$/);
  t.throws(() => both("postgresql://u@one:x,two/db"), { instanceOf: ConfigError });
});

test("without FAULT_INJECTION no fault can be injected, and with it on every loopback address", (t) => {
  const names = (env: Record<string, string>): (string | undefined)[] => {
    const options = brokerOptions(loadConfig(env, false), testLogger());
    return (options.middlewares ?? []).map((middleware) => (middleware as { name?: string }).name);
  };
  t.false(names({}).includes("FaultInjection"));
  t.false(
    names({ FAULT_INJECTION: "false", HTTP_HOST: "0.0.0.0", AUTH: "required" }).includes("FaultInjection"),
  );
  for (const HTTP_HOST of ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
    t.true(names({ FAULT_INJECTION: "true", HTTP_HOST }).includes("FaultInjection"));
  t.false(loadClientConfig({ FAULT_INJECTION: "true" }, "repl").faultInjection);
});

test("a terminal gets pretty lines unless LOG_FORMAT says otherwise", (t) => {
  t.is(loadConfig({}, true).logFormat, "pretty");
  t.is(loadConfig({ LOG_FORMAT: "json" }, true).logFormat, "json");
});

test("secrets come from the files that *_FILE names, without the end of their line", (t) => {
  const config = loadConfig(
    {
      DATABASE_URL_FILE: fileOf("postgresql://u:p@localhost/users\n"),
      REGISTRY_DATABASE_URL_FILE: fileOf("\ufeffpostgresql://u:p@localhost/registry\r\n"),
      AMQP_URL_FILE: fileOf("amqp://from-file"),
    },
    false,
  );
  t.is(config.usersDatabaseUrl, "postgresql://u:p@localhost/users");
  t.is(config.registryDatabaseUrl, "postgresql://u:p@localhost/registry");
  t.is(config.amqpUrl, "amqp://from-file");
});

/** None of these is a value of its own kind; what is refused for its kind is above. */
for (const name of variableNames()) {
  test(`${name} is not taken when it is blank or holds what nobody sees, and is as good as unset when empty`, (t) => {
    for (const value of [" ", "\t\n", "a\u0000b", "a\nb", "a\u200bb"]) {
      const error = t.throws(() => loadConfig({ [name]: value }, false), { instanceOf: ConfigError });
      t.regex(error.message, new RegExp(`^${name} must not (be blank|hold control or)`));
    }
    t.deepEqual(loadConfig({ [name]: "" }, false), loadConfig({}, false));
  });
}

test("space around a value is no part of it", (t) => {
  const config = loadConfig(
    {
      HTTP_PORT: " 3999 ",
      LOG_LEVEL: "warn\n",
      HTTP_HOST: "127.0.0.1 ",
      AMQP_URL: "amqp://broker\n",
      DATA_DIR: " x",
    },
    false,
  );
  t.like(config, {
    httpPort: 3999,
    logLevel: "warn",
    httpHost: "127.0.0.1",
    amqpUrl: "amqp://broker",
    dataDir: "x",
  });
});

test("what looks odd and is right is taken", (t) => {
  const config = loadConfig(
    {
      BLOCKED_LOCAL_PARTS: "root, Müller,a+b",
      NODE_ID: "users-1.rack_2",
      HTTP_HOST: "::1",
      RETRY_DELAYS_MS: "1000, 1000",
      DATABASE_URL: "postgresql:///users?host=/run/postgresql",
      REGISTRY_DATABASE_URL: "postgresql:///registry?host=/run/postgresql",
      AMQP_URL: "amqp://a;amqps://u:p%3B@b:5671/%2F",
      MAILROSTER_URL: "http://127.0.0.1:3000/base/",
    },
    false,
  );
  t.like(config, {
    blockedLocalParts: ["root", "Müller", "a+b"],
    nodeId: "users-1.rack_2",
    httpHost: "::1",
    retryDelaysMs: [1000, 1000],
    amqpUrl: "amqp://a;amqps://u:p%3B@b:5671/%2F",
    gatewayUrl: "http://127.0.0.1:3000/base",
  });
});

test("every variable has its line in the docs, and every line its variable", (t) => {
  const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
  const documented = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) =>
      [...(line.split("|")[1] ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name ?? ""),
    );
  const names = variableNames();
  const isOfAnother = (name: string) => names.includes(name.replace(/_FILE$/, ""));
  const read = names.filter((name) => !name.endsWith("_FILE") || !isOfAnother(name));
  t.deepEqual(documented.toSorted(), read.toSorted());
});

test("a client of the system hosts nothing and needs no database", (t) => {
  const config = loadClientConfig({ AMQP_URL: "amqp://broker" }, "repl");
  t.deepEqual(config.services, []);
  t.regex(config.nodeId, /^repl-/);
});

test("the blocked names are those of the page, and the whole list is replaced by the one that is set", (t) => {
  const page = readFileSync(join(repositoryRoot, "docs/configuration.md"), "utf8");
  const row = page.split("\n").find((line) => line.startsWith("| `BLOCKED_LOCAL_PARTS`")) ?? "";
  const told = (row.split("|")[2] ?? "")
    .replaceAll("`", "")
    .split(",")
    .map((name) => name.trim());
  t.deepEqual(loadConfig({}).blockedLocalParts, told);
  t.deepEqual(loadConfig({ BLOCKED_LOCAL_PARTS: "" }).blockedLocalParts, told);
  for (const name of ["postmaster", "admin", "administrator", "root", "webmaster", "hostmaster", "sysadmin"])
    t.true(told.includes(name), name);
  t.deepEqual(loadConfig({ BLOCKED_LOCAL_PARTS: "postmaster, ceo" }).blockedLocalParts, [
    "postmaster",
    "ceo",
  ]);
});

test("a process that has a container for itself keeps its name when it is restarted", (t) => {
  t.is(ownNodeId("a1b2", { pid: 1, ppid: 0 }, true), "a1b2");
  t.is(ownNodeId("a1b2", { pid: 7, ppid: 1 }, true), "a1b2");
  t.is(ownNodeId("a1b2", { pid: 30, ppid: 7 }, true), "a1b2-30");
  t.is(ownNodeId("mail-1", { pid: 700, ppid: 1 }, false), "mail-1-700");
});
