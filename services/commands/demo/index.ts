/**
 * `npm run demo`: a tour in half a minute. Starts a whole system of its own (fresh data in a temporary folder, free
 * ports, no environment), plays a story on it with real requests and a real outage, and takes everything away again.
 * `--keep` leaves it running until Ctrl-C.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { rootLogger, silentLogger } from "../../../mixins/log/logging.ts";
import { loadConfig } from "../../config/index.ts";
import { exitCodes, StartError } from "../../contracts/exits.ts";
import { type CommandForm, commandLine } from "../../runtime/command-line.ts";
import { type Host, startHost } from "../../runtime/host.ts";
import { type Lifecycle, lifecycle } from "../../runtime/shutdown.ts";
import { colourMarks } from "../../runtime/terminal.ts";
import { DemoFailed, stage } from "./stage.ts";
import { type Backstage, play } from "./story.ts";

const form: CommandForm = {
  name: "demo",
  says: "A tour in half a minute, on a whole system of its own that it takes away again. It reads no variable.",
  options: { keep: { says: "leaves the system running until Ctrl-C" } },
  exits: {
    [exitCodes.ok]: "everything went as told",
    [exitCodes.failure]: "something did not",
    [exitCodes.interrupted]: "interrupted before its end",
  },
};
const print = (line: string): void => void process.stdout.write(`${colourMarks(line)}\n`);

function backstageOf(host: Host): Backstage {
  async function sql(text: string): Promise<void> {
    const client = new pg.Client({ connectionString: host.config.usersOwnerUrl });
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  }
  return {
    async stopRegistry() {
      const service = host.broker.getLocalService("smtp-registry");
      await host.broker.destroyService(service);
    },
    startRegistry: () => host.startAgain("smtp-registry"),
    breakAudit: (correlationId) =>
      sql(`create function demo_refuse() returns trigger language plpgsql as
             $$ begin raise exception 'the demo refuses this entry'; end $$;
           create trigger demo_refuse before insert on audit_entries for each row
             when (new.correlation_id = '${correlationId}') execute function demo_refuse()`),
    mendAudit: () => sql("drop trigger demo_refuse on audit_entries; drop function demo_refuse()"),
  };
}

/** Nobody's environment: a DATABASE_URL of the shell must not be played on. */
function demoConfig(dataDir: string) {
  return loadConfig({
    DATA_DIR: dataDir,
    HTTP_PORT: "0",
    OPS_PORT: "0",
    LOG_LEVEL: "fatal",
    LOG_FORMAT: "json",
    RETRY_DELAYS_MS: "100,200,400",
  });
}

const next = (host: Host, kept: boolean): string => {
  const url = kept ? `http://127.0.0.1:${host.httpPort}` : "http://127.0.0.1:3000";
  const prefix = kept ? `DATA_DIR=${host.config.dataDir} ` : "";
  return [
    "",
    "What to look at next:",
    ...(kept ? [] : ["  npm start                        the same system, with data that stays (.data/)"]),
    `  ${url}/console    who has an address, and who had it; what became of a request`,
    `  ${url}/docs       every request, to try`,
    `  ${prefix}npm run repl                     users list, address …, trace …, outbox, dlq list`,
    `  ${prefix}npm run doctor                   the health of an installation`,
    "  docs/README.md                   how it works, and what it guarantees",
    ...(kept ? ["", "Ctrl-C stops it and deletes its data."] : []),
  ].join("\n");
};

async function main(life: Lifecycle, dataDir: string, keep: boolean): Promise<void> {
  const startedAt = performance.now();
  print(
    "mailroster demo: starting a whole system (PostgreSQL, gateway, users, outbox, audit, smtp-registry) …",
  );
  const config = demoConfig(dataDir);
  const starting = startHost(config, rootLogger(config), life);
  life.starting(starting);
  const host = await starting;
  const url = `http://127.0.0.1:${host.httpPort}`;
  print(`It is up after ${(host.startMs / 1_000).toFixed(1)} s at ${url}, with fresh data in ${dataDir}`);
  await play(stage(url, print, life.signal), backstageOf(host));
  print(`\nEverything went as told, in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s.`);
  print(next(host, keep));
}

const keep = commandLine(form).has("keep");
let over = false;
const life = lifecycle(silentLogger(), {
  exit: (code) => process.exit(code === exitCodes.ok && !over ? exitCodes.interrupted : code),
});
const dataDir = mkdtempSync(join(tmpdir(), "mailroster-demo-"));
const remove = (): void => rmSync(dataDir, { recursive: true, force: true });
life.started("the demo's data", remove, remove);
try {
  await main(life, dataDir, keep);
  over = true;
  if (!keep) await life.stop("the story is over", exitCodes.ok);
} catch (error) {
  if (!life.signal.aborted) {
    const expected = error instanceof DemoFailed || error instanceof StartError;
    process.stderr.write(`\n✗ ${expected ? error.message : (error as Error).stack}\n`);
    await life.stop("the demo failed", exitCodes.failure);
  }
}
