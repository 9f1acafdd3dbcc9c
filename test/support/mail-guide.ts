/** docs/guides/mail-servers.md as the configuration of what tests run, with the ports of a test's own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./gate/run-tool.ts";

export interface Places {
  readonly httpUrl: string;
  readonly socketmapPort: number;
  readonly lmtpPort: number;
  readonly authPort: number;
}

export const mailPage = (): string =>
  readFileSync(join(repositoryRoot, "docs/guides/mail-servers.md"), "utf8");

/** The page's text; `httpUrl` and the ports stand where the page has its own. */
export function mailGuide({ httpUrl, socketmapPort, lmtpPort, authPort }: Places): string {
  return mailPage()
    .replaceAll("http://127.0.0.1:3000", httpUrl)
    .replaceAll("127.0.0.1:10099", `127.0.0.1:${socketmapPort}`)
    .replaceAll("lmtp:unix:private/dovecot-lmtp", `lmtp:inet:127.0.0.1:${lmtpPort}`)
    .replaceAll("smtpd_sasl_path = private/auth", `smtpd_sasl_path = inet:127.0.0.1:${authPort}`);
}

/** The page's first block of that language; throws when there is none. */
export function blockOf(page: string, language: string): string {
  const [, block] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(page) ?? [];
  if (block === undefined) throw new Error(`The page has no block of ${language}`);
  return block;
}
