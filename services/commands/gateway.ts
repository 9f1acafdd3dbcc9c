/** Which gateway a command asks, and as whom: found within the 5 s that it may take to tell that there is none. */
import { readFileSync } from "node:fs";
import { poll } from "../../mixins/basics/poll.ts";
import type { Config } from "../config/index.ts";
import type { Health } from "../contracts/actions.ts";
import { UnreachableError, UsageError } from "../contracts/exits.ts";
import { downIn, gatewaysOf } from "../runtime/gateways.ts";
import { reasonOf } from "../runtime/reasons.ts";

/** Of the 5 s within which it is told that there is nobody, npm and the runtime need one. */
const readyWaitMaxMs = 4_000;
const readyWaitMinMs = 500;
const pollMs = 250;

/** What a command line may say of it: the options `--url` and `--token-file`. */
export interface GatewayOptions {
  readonly url?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/** For the table of options of every command that has them. */
export const gatewayOptions = {
  url: { value: "URL", says: "where the gateway is, instead of MAILROSTER_URL" },
  "token-file": {
    value: "FILE",
    says: "a file with the access key or token, instead of MAILROSTER_TOKEN",
  },
} as const;

/** Whole milliseconds that are left, counted from the start of this process. */
const leftMs = (): number => Math.max(readyWaitMinMs, Math.ceil(readyWaitMaxMs - performance.now()));

/** undefined: it is ready; else why it can't be used. */
async function unreadiness(base: string): Promise<string | undefined> {
  const signal = AbortSignal.timeout(leftMs());
  try {
    const answer = await fetch(`${base}/health/ready`, { signal });
    const health = (await answer.json().catch(() => undefined)) as Health | undefined;
    return answer.status === 200 ? undefined : `is not ready: ${downIn(health) || answer.status}`;
  } catch (error) {
    return reasonOf(error);
  }
}

/** Where somebody says that the gateway is; else where it says so itself in the data folder; else where it should be. */
async function urlOf(config: Config, doing: string): Promise<string> {
  if (
    config.isGatewayGiven ||
    config.amqpUrl !== undefined ||
    (await unreadiness(config.gatewayUrl)) === undefined
  )
    return config.gatewayUrl;
  // Moleculer takes 20 MB, which a long import has a better use for.
  const { visitSystem } = await import("./join.ts");
  const wanted = { doing, needs: ["gateway"] };
  const gateways = await visitSystem(config, wanted, async (broker) => gatewaysOf(broker)).catch(() => []);
  return gateways.find(({ url }) => url !== undefined)?.url ?? config.gatewayUrl;
}

/** As MAILROSTER_URL is read. Throws UsageError. */
function urlOfOption(text: string, command: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "")
    throw new UsageError(`Cannot run ${command}: --url must be an http or https URL without user and query`);
  return url.href.replace(/\/$/, "");
}

/** Throws UsageError. */
function tokenOfFile(path: string, command: string): string {
  let content: string;
  try {
    content = readFileSync(path, "utf8").trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new UsageError(`Cannot run ${command}: --token-file must name a readable file (${code})`);
  }
  if (!/^[\x21-\x7e]+$/.test(content))
    throw new UsageError(`Cannot run ${command}: --token-file must name a file with one token in it`);
  return content;
}

/** A gateway that is ready. `command` is the verb as well. Throws UnreachableError or UsageError. */
export async function reachableGateway(
  config: Config,
  command: string,
  options: GatewayOptions = {},
): Promise<{ readonly url: string; readonly token: string | undefined }> {
  const token =
    options.tokenFile === undefined ? config.gatewayToken : tokenOfFile(options.tokenFile, command);
  const url = options.url === undefined ? await urlOf(config, command) : urlOfOption(options.url, command);
  const why = await poll(
    () => unreadiness(url),
    (reason) => reason === undefined,
    { everyMs: pollMs, maxMs: leftMs() },
  );
  if (why !== undefined)
    throw new UnreachableError(`Cannot ${command}: ${url} ${why} (npm start, or set MAILROSTER_URL)`);
  return { url, token };
}
