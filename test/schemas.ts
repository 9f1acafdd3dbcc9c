/**
 * `npm run schemas` writes docs/schemas/next from the code. `npm run schemas -- release` freezes it, with events that
 * today's users service has published, under the version of package.json; `npm version` does that by itself.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./support/gate/run-tool.ts";
import { scratchServer } from "./support/gate/schema-drift.ts";
import { eventSchemaFaults, freeze, writeNext } from "./support/gate/schema-releases.ts";

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

const [command] = process.argv.slice(2);
writeNext();
console.log("docs/schemas/next is what the code says");
if (command === "release") await release();
else if (command !== undefined) throw new Error(`Cannot do ${command}: there is only release`);
const faults = eventSchemaFaults();
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
