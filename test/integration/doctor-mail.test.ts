/** What the doctor says of the port that mail servers ask. */
import test from "ava";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { socketmapServer } from "../../mixins/socketmap/server.ts";
import { examineMail } from "../../services/commands/doctor/mail.ts";
import { mailAnswers } from "../../services/mail-lookup/answers.ts";
import { mailLookup } from "../../services/mail-lookup/lookup.ts";
import { primarySource } from "../../services/mail-lookup/sources.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { testLogger } from "../support/logs.ts";
import { registryParts, terms } from "../support/registry-parts.ts";

test("the doctor asks the port as a mail server does, and says why mail waits", async (t) => {
  const parts = await registryParts();
  const at = { socketmapHost: "0.0.0.0", socketmapPort: await fixedPort() };
  t.deepEqual(await examineMail({ ...at, socketmapPort: undefined }), []);
  const seen = async () => {
    const [finding, ...others] = await examineMail(at);
    t.deepEqual(others, []);
    return `${finding?.status}: ${finding?.says}`;
  };
  const where = `socketmap at 127.0.0.1:${at.socketmapPort}`;
  t.is(await seen(), `problem: ${where} refuses the connection (ECONNREFUSED)`);
  const source = primarySource(parts.db, { terms, now: parts.now });
  const server = socketmapServer({
    variable: "SOCKETMAP_PORT",
    host: "127.0.0.1",
    port: at.socketmapPort,
    allows: () => false,
    answer: mailAnswers({
      lookup: mailLookup(source, { delimiter: "", whole: new Set(), postmaster: undefined }),
      rules: { refusesInactive: false },
      metrics: processMetrics(),
      log: testLogger({ level: "silent" }),
      logPii: false,
    }),
  });
  const { started, stopped } = server.mixin as Record<"started" | "stopped", () => Promise<void>>;
  await started();
  t.is(await seen(), `ok: ${where} answers`);
  await parts.close();
  t.regex(await seen(), new RegExp(`^problem: ${where} says TEMP .*database is closed`));
  await stopped();
});
