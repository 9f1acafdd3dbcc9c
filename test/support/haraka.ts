/** A Haraka of a test's own with one plugin, in a folder that holds all that it reads and writes. */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { eventually } from "./eventually.ts";
import { fixedPort } from "./fixed-port.ts";
import { stopChild } from "./provision/command.ts";
import { harakaAdvice } from "./provision/mail-servers.ts";
import { smtpClient } from "./smtp.ts";

/** Answers on its port when this resolves. */
export async function haraka(plugin: string): Promise<{ smtpPort: number; stop(): Promise<void> }> {
  const script = process.env.TEST_HARAKA;
  if (!script) throw new Error(harakaAdvice);
  const home = mkdtempSync(join(tmpdir(), "mailroster-haraka-"));
  const smtpPort = await fixedPort();
  for (const folder of ["config", "plugins"]) mkdirSync(join(home, folder));
  writeFileSync(join(home, "plugins/mailroster.js"), plugin);
  writeFileSync(join(home, "config/plugins"), "mailroster\n");
  writeFileSync(join(home, "config/smtp.ini"), `listen=127.0.0.1:${smtpPort}\nnodes=0\n`);
  // Without its own defaults for a connection it breaks at the greeting.
  copyFileSync(join(dirname(script), "../config/connection.ini"), join(home, "config/connection.ini"));
  writeFileSync(join(home, "config/me"), "mx.example.net\n");
  const child = spawn(process.execPath, [script, "-c", home], { stdio: "ignore" });
  child.on("error", () => {}); // shows as not answering
  const stop = async () => {
    await stopChild(child, "SIGTERM");
    rmSync(home, { recursive: true, force: true });
  };
  await eventually(async () => (await smtpClient(smtpPort)).end(), { timeoutMs: 30_000 }).catch(
    async (error) => {
      await stop();
      throw error;
    },
  );
  return { smtpPort, stop };
}
