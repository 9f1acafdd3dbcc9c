/** What a URL says of TLS holds for every connection, on a real PostgreSQL with a certificate. */
import test from "ava";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { openClient } from "../../mixins/postgres/database-client.ts";
import { databaseUrlFault } from "../../mixins/postgres/database-url.ts";
import { ConfigError, loadClientConfig } from "../../services/config/index.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { chaosPostgres } from "../chaos/postgres.ts";
import { type Certificates, certificates } from "../support/certificates.ts";
import { openDatabase } from "../support/own-database.ts";
import { Processes } from "../support/processes.ts";
import { createAndFollow } from "../support/system-story.ts";

let made: Certificates;
let server: Awaited<ReturnType<typeof chaosPostgres>>;

const hba = [
  "hostssl all mailroster_users all cert",
  "hostnossl all mailroster_users all reject",
  "host all all all trust",
];

test.before(async () => {
  made = await certificates("IP:127.0.0.1", ["mailroster_users", "mailroster_registry"]);
  server = await chaosPostgres(["ssl=on", "ssl_ca_file=client-ca.crt"]);
  server.install(made.certificate, "server.crt");
  server.install(made.key, "server.key");
  server.install(made.authority, "client-ca.crt");
  server.install(made.text("pg_hba.conf", `${hba.join("\n")}\n`), "pg_hba.conf");
  await server.start();
  for (const name of ["users", "registry"]) await server.query("postgres", `create database ${name}`);
  await server.query("postgres", "create role mailroster_users login; create role mailroster_registry login");
});
test.after.always(async () => {
  await server.remove();
  made.remove();
});

const urlOf = (database: string, parameters: string): string => `${server.url(database)}?${parameters}`;
const checked = (database: string, authority = made.authority): string =>
  urlOf(database, `sslmode=verify-full&sslrootcert=${authority}`);

/** The tests' own, which has no certificate. */
function plainServer(authority: string): string {
  const plain = new URL(process.env.TEST_DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres");
  plain.search = `?sslmode=verify-full&sslrootcert=${authority}`;
  return plain.href;
}

async function check(url: string): Promise<void> {
  const db = await openDatabase(url, [OutboxMessage]);
  try {
    await db.read((em) => em.execute("select 1"));
  } finally {
    await db.close();
  }
}

test.serial("with sslmode=verify-full no session of the whole system is in clear text", async (t) => {
  const processes = new Processes();
  try {
    const system = await processes.start({
      env: {
        DATA_DIR: processes.folder(),
        DATABASE_URL: checked("users"),
        REGISTRY_DATABASE_URL: checked("registry"),
      },
    });
    await system.ready();
    await createAndFollow(system.httpUrl);
    const sessions = await server.query<{ name: string; ssl: boolean }>(
      "postgres",
      `select a.application_name as name, s.ssl from pg_stat_activity a join pg_stat_ssl s using (pid)
       where a.application_name like 'mailroster%'`,
    );
    const names = new Set(sessions.map(({ name }) => name));
    for (const name of ["users", "audit", "outbox", "smtp-registry"]) t.true(names.has(`mailroster-${name}`));
    t.deepEqual(
      sessions.filter(({ ssl }) => !ssl),
      [],
    );

    const doctor = await processes.start({
      script: "services/commands/doctor/index.ts",
      env: { ...system.environment },
    });
    await doctor.exited();
    t.regex(doctor.stdout(), /users connection\s+encrypted \(TLSv1\.[23]\), its certificate is checked/);
  } finally {
    await processes.end();
  }
});

for (const [what, users] of [
  ["another authority has signed", () => checked("users", made.stranger)],
  ["has another name", () => checked("users").replace("127.0.0.1", "localhost")],
  ["is none, because it offers no TLS", () => plainServer(made.authority)],
] as const)
  test.serial(`a server whose certificate ${what} is refused by a start, at once`, async (t) => {
    const processes = new Processes();
    try {
      const refused = await processes.start({
        env: {
          DATA_DIR: processes.folder(),
          DATABASE_URL: users(),
          REGISTRY_DATABASE_URL: checked("registry"),
          LOG_LEVEL: "silent",
        },
      });
      t.is((await refused.exited()).code, 1);
      t.regex(
        refused.stderr(),
        /^Cannot use DATABASE_URL \((127\.0\.0\.1|localhost):\d+\/\w+\): a TLS connection that is trusted can't be made to its server\n$/,
      );
    } finally {
      await processes.end();
    }
  });

test.serial("another authority and another name are refused, by an address and by a name", async (t) => {
  await check(checked("users"));
  for (const url of [checked("users", made.stranger), checked("users").replace("127.0.0.1", "localhost")])
    await t.throwsAsync(check(url), { instanceOf: Unavailable });
  await check(urlOf("users", "sslmode=disable"));
});

test.serial(
  "who has no certificate is refused where the server asks for one, whoever has it is known",
  async (t) => {
    const withOwn = (client: string): string =>
      `${checked("users").replace("postgres@", "mailroster_users@")}&sslcert=${made.client(client).certificate}&sslkey=${made.client(client).key}`;
    await check(withOwn("mailroster_users"));
    for (const url of [
      withOwn("mailroster_registry"),
      checked("users").replace("postgres@", "mailroster_users@"),
    ])
      await t.throwsAsync(check(url), { instanceOf: Unavailable });
    const migrating = await openClient(withOwn("mailroster_users"), { connectionTimeoutMillis: 3_000 });
    const { rows } = await migrating.query("select client_dn from pg_stat_ssl where pid = pg_backend_pid()");
    await migrating.end();
    t.deepEqual(rows, [{ client_dn: "/CN=mailroster_users" }]);
  },
);

test.serial("a server that offers no TLS is refused where it is asked for", async (t) => {
  await t.throwsAsync(check(plainServer(made.stranger)), { instanceOf: Unavailable, message: /TLS/ });
});

test("clear text goes over no network, unless somebody has said that it may", (t) => {
  const config = (url: string, more: Record<string, string> = {}) =>
    loadClientConfig({ DATABASE_URL: url, ...more }, "migrate").usersDatabaseUrl;
  for (const host of [
    "db.example",
    "10.0.0.5",
    "[fd00::5]",
    "127.0.0.1.example",
    "localhost.example",
    "one,two",
  ]) {
    const url = `postgresql://u:secret@${host}/d`;
    for (const plain of [url, `${url}?sslmode=disable`]) {
      const { message } = t.throws(() => config(plain), { instanceOf: ConfigError });
      t.regex(
        message,
        /^DATABASE_URL must have sslmode=verify-full: .+ is no loopback address \(DATABASE_PLAINTEXT=true/,
      );
      t.notRegex(message, /secret/);
      t.is(config(plain, { DATABASE_PLAINTEXT: "true" }), plain);
    }
    t.truthy(config(`${url}?sslmode=verify-full`));
  }
  t.throws(() => config("postgresql://u@127.0.0.1,two/d"), { message: /two is no loopback address/ });
  t.throws(() => config("postgresql:///d?host=two"), { message: /two is no loopback address/ });
  for (const host of ["127.0.0.1", "localhost", "[::1]:5433", "127.8.9.10"])
    t.truthy(config(`postgresql://u@${host}/d`));
  t.truthy(config("postgresql:///d?host=/var/run/postgresql"));
});

test("a URL whose parameters would have no effect is no URL for us, and its secrets are not told", (t) => {
  for (const [url, reason] of [
    ["postgresql://u:secret@h/d?channel_binding=require", /parameter channel_binding/],
    ...["verify_full", "require", "verify-ca", "prefer", "allow", "no-verify"].map(
      (mode) => [`postgresql://u:secret@h/d?sslmode=${mode}`, /as sslmode/] as const,
    ),
    ["postgresql://u:secret@h/d?ssl=true", /instead of the parameter ssl/],
    ["postgresql://u:secret@h/d?sslmode=verify-full&uselibpqcompat=true", /parameter uselibpqcompat/],
    ["postgresql://u:secret@h/d?sslrootcert=/ca.pem", /sslmode=verify-full beside sslrootcert/],
    ["postgresql://u:secret@h/d?sslmode=disable&sslkey=/k.pem&sslcert=/c.pem", /beside sslcert/],
    ["postgresql://u:secret@h/d?sslnegotiation=direct", /beside sslnegotiation/],
    ["postgresql://u:secret@h/d?sslmode=verify-full&sslcert=/c.pem", /sslcert and sslkey/],
    ["postgresql://u:secret@h/d?sslmode=verify-full&sslmode=disable", /parameter sslmode once/],
    ["postgresql://u:secret@h/d#?sslmode=verify-full", /%23/],
    ["postgresql://u:secret@h1,/d", /both sides of each comma/],
    ["postgresql://u:secret@h1,:2/d", /both sides of each comma/],
    ["postgresql://u:secret@h1,h2/d?host=h3", /no parameter host or port/],
    ["postgresql://u:secret@h1/d;postgresql://u:secret@h2/d", /one URL/],
    ["postgresql://u:secret@h1,h2/d?target_session_attrs=any", /as target_session_attrs/],
    [
      "postgresql://u:secret@h/d?sslmode=verify-full&sslrootcert=/not/there.pem",
      /\/not\/there\.pem, which can't be read/,
    ],
  ] as const) {
    const fault = databaseUrlFault(url) ?? "none";
    t.regex(fault, reason);
    t.notRegex(fault, /secret/);
  }
  for (const url of [
    "postgresql://u:se,cret@h/d",
    "postgresql://u@h/d?options=-c%20search_path%3Dx",
    "postgresql://u@[::1]:5432/d?sslmode=verify-full",
    "postgresql://u@h/d?sslmode=disable",
    "postgresql://u@h/d?sslmode=verify-full&sslnegotiation=direct",
    "postgresql:///d?host=/var/run/postgresql",
    "postgresql://u:se,cret@h1,h2/d",
    "postgresql://u@h1:1,[::1]:2/d?target_session_attrs=read-write&sslmode=verify-full",
    "postgresql://u@h/d?target_session_attrs=primary",
  ])
    t.is(databaseUrlFault(url), undefined);
});
