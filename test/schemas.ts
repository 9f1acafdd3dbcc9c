/**
 * `npm run schemas` writes docs/schemas/next from the code. `npm run schemas -- release` freezes it, with events that
 * today's users service has published, under the version of package.json; `npm version` does that by itself.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../services/contracts/exits.ts";
import { type CommandForm, commandLine } from "../services/runtime/command-line.ts";
import { runCommand } from "../services/runtime/run-command.ts";
import { repositoryRoot } from "./support/gate/run-tool.ts";
import { scratchServer } from "./support/gate/schema-drift.ts";
import { eventSchemaFaults, freeze, writeNext } from "./support/gate/schema-releases.ts";

const form: CommandForm = {
  name: "schemas",
  says: "Writes docs/schemas/next from the code; with release it is frozen under the version of package.json.",
  words: { form: "[release]", max: 1, known: ["release"] },
  exits: { [exitCodes.ok]: "written", [exitCodes.failure]: "a schema breaks what was promised" },
};

async function release(): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
    version: string;
  };
  const server = await scratchServer();
  try {
    process.env.TEST_DATABASE_URL = server.url;
    // Imported late: the tests' databases are made on the server that stands in the environment by then.
    const { recordEvents } = await import("./support/recorded-events.ts");
    freeze(version, await recordEvents());
    console.log(`docs/schemas/${version} is frozen`);
  } finally {
    await server.stop();
  }
}

const { words } = commandLine(form);
await runCommand(async () => {
  writeNext();
  console.log("docs/schemas/next is what the code says");
  if (words.includes("release")) await release();
  const faults = eventSchemaFaults();
  for (const fault of faults) console.log(fault);
  return faults.length === 0 ? exitCodes.ok : exitCodes.failure;
});
