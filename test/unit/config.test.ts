import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { brokerOptions } from "../../moleculer.config.ts";
import { ConfigError, loadClientConfig, loadConfig } from "../../services/config/index.ts";
import { testLogger } from "../support/logs.ts";

const database = "postgresql://nobody:hidden@127.0.0.1:1/none";
const badValues: [variable: string, env: Record<string, string>][] = [
  ["HTTP_PORT", { HTTP_PORT: "http" }],
  ["HTTP_PORT", { HTTP_PORT: "65536" }],
  ["OPS_PORT", { OPS_PORT: "-1" }],
  ["OPS_PORT", { HTTP_PORT: "3999", OPS_PORT: "3999" }],
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
  ["FAULT_INJECTION", { FAULT_INJECTION: "1" }],
  ["FAULT_INJECTION", { FAULT_INJECTION: "true", HTTP_HOST: "0.0.0.0" }],
  ["FAULT_INJECTION", { FAULT_INJECTION: "true", HTTP_HOST: "127.example.com" }],
  ["DATABASE_URL", { DATABASE_URL: "mysql://u:hidden@127.0.0.1/x", REGISTRY_DATABASE_URL: database }],
  ["DATABASE_URL", { REGISTRY_DATABASE_URL: database }],
  ["REGISTRY_DATABASE_URL", { DATABASE_URL: database }],
  ["REGISTRY_DATABASE_URL", { DATABASE_URL: database, REGISTRY_DATABASE_URL: database }],
  ["AMQP_URL", { AMQP_URL: "rabbit:hidden" }],
  ["AMQP_URL", { SERVICES: "gateway" }],
  ["AMQP_URL_FILE", { AMQP_URL_FILE: "/no/such/file" }],
  ["RETRY_DELAYS_MS", { RETRY_DELAYS_MS: "1000,soon" }],
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
  t.is(config.services.length, 5);
  t.is(config.httpPort, 3000);
  t.is(config.opsPort, 3001);
  t.is(config.logFormat, "json");
});

test("without FAULT_INJECTION no fault can be injected, and with it on every loopback address", (t) => {
  const names = (env: Record<string, string>): (string | undefined)[] => {
    const options = brokerOptions(loadConfig(env, false), testLogger());
    return (options.middlewares ?? []).map((middleware) => (middleware as { name?: string }).name);
  };
  t.false(names({}).includes("FaultInjection"));
  t.false(names({ FAULT_INJECTION: "false", HTTP_HOST: "0.0.0.0" }).includes("FaultInjection"));
  for (const HTTP_HOST of ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
    t.true(names({ FAULT_INJECTION: "true", HTTP_HOST }).includes("FaultInjection"));
  t.false(loadClientConfig({ FAULT_INJECTION: "true" }, "repl").faultInjection);
});

test("a terminal gets pretty lines unless LOG_FORMAT says otherwise", (t) => {
  t.is(loadConfig({}, true).logFormat, "pretty");
  t.is(loadConfig({ LOG_FORMAT: "json" }, true).logFormat, "json");
});

test("secrets come from the files that *_FILE names, and the variable itself goes first", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mailroster-test-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const config = loadConfig(
    {
      DATABASE_URL_FILE: file("a", "postgresql://u:p@db/users\n"),
      REGISTRY_DATABASE_URL_FILE: file("b", "postgresql://u:p@db/registry\n"),
      AMQP_URL: "amqp://direct",
      AMQP_URL_FILE: file("c", "amqp://from-file"),
    },
    false,
  );
  t.is(config.usersDatabaseUrl, "postgresql://u:p@db/users");
  t.is(config.registryDatabaseUrl, "postgresql://u:p@db/registry");
  t.is(config.amqpUrl, "amqp://direct");
});

test("a client of the system hosts nothing and needs no database", (t) => {
  const config = loadClientConfig({ AMQP_URL: "amqp://broker" }, "repl");
  t.deepEqual(config.services, []);
  t.regex(config.nodeId, /^repl-/);
});
