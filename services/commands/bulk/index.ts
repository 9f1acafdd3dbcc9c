/**
 * `npm run bulk -- rename-domain OLD NEW`, `delete FILE`, `restore FILE`: many changes, each an ordinary write over HTTP
 * with its event and its audit entry, all under one correlation id. A run that was killed is begun again: what is done
 * already is nothing to do (docs/guides/bulk-changes.md).
 */
import { randomBytes } from "node:crypto";
import { loadClientConfig } from "../../config/index.ts";
import { domainKey } from "../../contracts/domains.ts";
import { exitCodes } from "../../contracts/exits.ts";
import { type CommandForm, type CommandLine, commandLine, usageError } from "../../runtime/command-line.ts";
import { runCommand } from "../../runtime/run-command.ts";
import { gatewayOptions, reachableGateway } from "../gateway.ts";
import { gatewayClient } from "../http-client.ts";
import { isEncoding } from "../import/text.ts";
import { type Api, apiOf } from "./api.ts";
import { kinds } from "./rows.ts";
import type { RunOptions } from "./run-options.ts";
import { runRename } from "./run-rename.ts";
import { type FileDeed, fileDeeds, runRows } from "./run-rows.ts";

const deeds = ["rename-domain", ...fileDeeds] as const;

const form: CommandForm = {
  name: "bulk",
  says: [
    "Changes many people over HTTP, each by an ordinary write, all under one correlation id, which it prints first.",
    "rename-domain moves every primary of OLD to the same local part at NEW, and the old one becomes a secondary; what stands in the way is told before anything is done.",
    "delete and restore take a file with an id, an address or an external id a line, or CSV with such a column.",
    "What is done already is nothing to do, so a run that was killed is simply begun again.",
  ].join(" "),
  words: { form: "rename-domain <old> <new> | delete <file> | restore <file>", min: 2, max: 3 },
  options: {
    "dry-run": { says: "tell what would be done, and do nothing" },
    "skip-conflicts": { says: "rename-domain: leave out who can't be moved, and move the others" },
    by: {
      value: "KIND",
      says: `delete, restore: what every row is (${kinds.join(", ")}), whatever it looks like`,
    },
    encoding: {
      value: "NAME",
      says: "delete, restore: of a file that is no UTF-8 and has no byte order mark: windows-1252 …",
    },
    ...gatewayOptions,
    json: { says: "the figures at the end for machines" },
  },
  exits: {
    [exitCodes.failure]:
      "something was refused or is left, or conflicts stand in the way and nothing was done",
    [exitCodes.data]: "the file can't be read",
    [exitCodes.forbidden]: "who asks may not do this",
  },
};

/** Throws UsageError. */
function requireDomain(word: string): string {
  const domain = domainKey(word);
  if (domain === undefined) throw usageError(form, `"${word}" is no domain`);
  return domain;
}

type Work = (api: Api, options: RunOptions) => Promise<number>;

function renameOf(line: CommandLine): Work {
  const [, old = "", wanted] = line.words;
  if (wanted === undefined) throw usageError(form, "the new domain is missing");
  for (const option of ["by", "encoding"] as const)
    if (line.has(option)) throw usageError(form, `--${option} does not go with rename-domain`);
  const [from, to] = [requireDomain(old), requireDomain(wanted)];
  if (from === to) throw usageError(form, `${old} and ${wanted} are one domain`);
  return (api, options) => runRename(api, from, to, { ...options, isSkipping: line.has("skip-conflicts") });
}

function rowsOf(line: CommandLine, deed: FileDeed): Work {
  const [, file = "", extra] = line.words;
  if (extra !== undefined) throw usageError(form, `"${extra}" is one word too many`);
  if (line.has("skip-conflicts")) throw usageError(form, `--skip-conflicts does not go with ${deed}`);
  const named = line.valueOf("by");
  const by = kinds.find((kind) => kind === named);
  if (named !== undefined && by === undefined)
    throw usageError(form, `there is no kind "${named}"`, kinds, named);
  const encoding = line.valueOf("encoding");
  if (encoding !== undefined && !isEncoding(encoding))
    throw usageError(form, `no encoding is called ${encoding}`);
  return (api, options) => runRows(api, { deed, file: { path: file, encoding, by } }, options);
}

/** Throws UsageError. */
function workOf(line: CommandLine): Work {
  const [word = ""] = line.words;
  const deed = deeds.find((each) => each === word);
  if (deed === undefined) throw usageError(form, `there is no "${word}"`, deeds, word);
  return deed === "rename-domain" ? renameOf(line) : rowsOf(line, deed);
}

/** In the order of time, and nobody else's. */
const newRun = (now: Date): string =>
  `bulk-${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}-${randomBytes(4).toString("hex")}`;

const line = commandLine(form);
await runCommand(async () => {
  const work = workOf(line);
  const config = loadClientConfig(process.env, "bulk");
  const doing = "change anything";
  const { url, token } = await reachableGateway(config, "bulk", {
    url: line.valueOf("url"),
    tokenFile: line.valueOf("token-file"),
  });
  const run = newRun(new Date());
  const client = gatewayClient({ url, token, doing });
  try {
    return await work(apiOf(client, doing, run), {
      run,
      isDryRun: line.has("dry-run"),
      isJson: line.has("json"),
    });
  } finally {
    client.close();
  }
});
