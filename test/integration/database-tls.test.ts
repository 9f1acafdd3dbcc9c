/** What a URL says of TLS holds for every connection, on a real PostgreSQL with a certificate. */
import test from "ava";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { databaseUrlFault } from "../../mixins/postgres/database-url.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { chaosPostgres } from "../chaos/postgres.ts";
import { type Certificates, certificates } from "../support/certificates.ts";
import { openDatabase } from "../support/own-database.ts";
import { Processes } from "../support/processes.ts";
import { createAndFollow } from "../support/system-story.ts";

let made: Certificates;
let server: Awaited<ReturnType<typeof chaosPostgres>>;

test.before(async () => {
  made = await certificates("IP:127.0.0.1");
  server = await chaosPostgres(["ssl=on"]);
  server.install(made.certificate, "server.crt");
  server.install(made.key, "server.key");
  await server.start();
  for (const name of ["users", "registry"]) await server.query("postgres", `create database ${name}`);
});
test.after.always(async () => {
  await server.remove();
  made.remove();
});

const urlOf = (database: string, parameters: string): string => `${server.url(database)}?${parameters}`;
const checked = (database: string, authority = made.authority): string =>
  urlOf(database, `sslmode=verify-full&sslrootcert=${authority}`);

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

test.serial(
  "a server whose certificate another authority has signed is refused by a start, at once",
  async (t) => {
    const processes = new Processes();
    try {
      const refused = await processes.start({
        env: {
          DATA_DIR: processes.folder(),
          DATABASE_URL: checked("users", made.stranger),
          REGISTRY_DATABASE_URL: checked("registry"),
          LOG_LEVEL: "silent",
        },
      });
      t.is((await refused.exited()).code, 1);
      t.regex(
        refused.stderr(),
        /Cannot use DATABASE_URL \(127\.0\.0\.1:\d+\/users\): a TLS connection that is trusted can't be made to its server/,
      );
    } finally {
      await processes.end();
    }
  },
);

test.serial("every mode that is to check refuses another authority and another name", async (t) => {
  const localhost = (mode: string): string =>
    urlOf("users", `sslmode=${mode}&sslrootcert=${made.authority}`).replace("127.0.0.1", "localhost");
  for (const mode of ["require", "verify-ca", "verify-full"]) {
    await check(urlOf("users", `sslmode=${mode}&sslrootcert=${made.authority}`));
    const foreign = urlOf("users", `sslmode=${mode}&sslrootcert=${made.stranger}`);
    for (const url of [foreign, localhost(mode)])
      await t.throwsAsync(check(url), { instanceOf: Unavailable });
  }
  await check(urlOf("users", "sslmode=no-verify"));
  await check(urlOf("users", "sslmode=disable"));
});

test.serial("a server that offers no TLS is refused where it is asked for", async (t) => {
  const plain = new URL(process.env.TEST_DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres");
  plain.search = `?sslmode=verify-full&sslrootcert=${made.stranger}`;
  await t.throwsAsync(check(plain.href), { instanceOf: Unavailable, message: /TLS/ });
});

test("a URL whose parameters would have no effect is no URL for us, and its secrets are not told", (t) => {
  for (const [url, reason] of [
    ["postgresql://u:secret@h/d?channel_binding=require", /parameter channel_binding/],
    ["postgresql://u:secret@h/d?sslmode=verify_full", /as sslmode/],
    ["postgresql://u:secret@h/d?ssl=require", /true or false as ssl/],
    ["postgresql://u:secret@h/d?ssl=TRUE", /true or false as ssl/],
    ["postgresql://u:secret@h/d?ssl=true&sslmode=disable", /agrees with its sslmode/],
    ["postgresql://u:secret@h/d?sslmode=verify-full&sslmode=disable", /parameter sslmode once/],
    ["postgresql://u:secret@h/d#?sslmode=verify-full", /%23/],
    ["postgresql://u:secret@h1,/d", /both sides of each comma/],
    ["postgresql://u:secret@h1,:2/d", /both sides of each comma/],
    ["postgresql://u:secret@h1,h2/d?host=h3", /no parameter host or port/],
    ["postgresql://u:secret@h1/d;postgresql://u:secret@h2/d", /one URL/],
    ["postgresql://u:secret@h1,h2/d?target_session_attrs=any", /as target_session_attrs/],
    ["postgresql://u:secret@h/d?sslrootcert=/not/there.pem", /\/not\/there\.pem, which can't be read/],
  ] as const) {
    const fault = databaseUrlFault(url) ?? "none";
    t.regex(fault, reason);
    t.notRegex(fault, /secret/);
  }
  for (const url of [
    "postgresql://u:se,cret@h/d",
    "postgresql://u@h/d?options=-c%20search_path%3Dx",
    "postgresql://u@[::1]:5432/d?sslmode=verify-full",
    "postgresql://u@h/d?ssl=true&sslmode=no-verify",
    "postgresql://u@h/d?ssl=false",
    "postgresql:///d?host=/var/run/postgresql",
    "postgresql://u:se,cret@h1,h2/d",
    "postgresql://u@h1:1,[::1]:2/d?target_session_attrs=read-write&sslmode=require",
    "postgresql://u@h/d?target_session_attrs=primary",
  ])
    t.is(databaseUrlFault(url), undefined);
});
