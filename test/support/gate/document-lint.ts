/**
 * Two linters on the OpenAPI and the AsyncAPI document, by the rules that their makers recommend: Redocly's and
 * Spectral's. What only warns is a finding too. Neither asks anything of a network.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import spectralCore from "@stoplight/spectral-core";
import spectralRulesets from "@stoplight/spectral-rulesets";
import { asyncApiDocument } from "../../../services/gateway/documents/asyncapi.ts";
import { openApiDocument } from "../../../services/gateway/documents/openapi.ts";
import { runTool } from "./run-tool.ts";

const { Spectral } = spectralCore;

type Kind = "openapi" | "asyncapi";
const kinds: readonly Kind[] = ["openapi", "asyncapi"];
export type Documents = Readonly<Record<Kind, object>>;

export const ownDocuments = (): Documents => ({ openapi: openApiDocument(), asyncapi: asyncApiDocument() });

/** Beside what is recommended: what a reader misses most and the linters leave to everybody, and what one is wrong about. */
const further = {
  openapi: {
    "oas3-parameter-description": "warn",
    "operation-singular-tag": "warn",
    // Since OpenAPI 3.1 a bearer scheme may name what it needs too; this rule looks for that among scopes of OAuth flows.
    // That each scheme is there is Redocly's rule as well.
    "oas3-operation-security-defined": "off",
  },
  asyncapi: {},
};
const rulesets = { openapi: spectralRulesets.oas, asyncapi: spectralRulesets.asyncapi };

async function spectralFaults(kind: Kind, document: object): Promise<string[]> {
  const spectral = new Spectral();
  const ruleset = { extends: [[rulesets[kind], "recommended"]], rules: further[kind] };
  spectral.setRuleset(ruleset as Parameters<typeof spectral.setRuleset>[0]);
  // A copy as it travels: the document's objects are shared between its places, which JSON is not.
  const results = await spectral.run(JSON.parse(JSON.stringify(document)));
  return results.map(({ code, path, message }) => `${kind}: spectral ${code}: ${path.join(" ")}: ${message}`);
}

interface RedoclyReport {
  readonly problems: readonly {
    readonly ruleId: string;
    readonly message: string;
    readonly location: readonly { readonly pointer?: string }[];
  }[];
}

/**
 * Both paths are the public contract's. One has GET alone and the other POST alone, and the id of a letter is a UUID, so
 * `/dead-letters/replays/replay` is neither of them.
 */
const toldApartByMethod =
  "Found two ambiguous paths: `/dead-letters/replays/{id}` and `/dead-letters/{id}/replay`.";

/** Its telemetry and its look for a newer version are off. */
const offline = { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };

async function redoclyFaults(kind: Kind, document: object, folder: string): Promise<string[]> {
  const file = `${kind}.json`;
  await writeFile(join(folder, file), JSON.stringify(document));
  // In a folder of its own, so that no other configuration is found.
  const { stdout, output } = await runTool(
    "redocly",
    ["lint", "--extends", "recommended", "--format", "json", "--max-problems", "1000", file],
    { cwd: folder, env: offline },
  );
  let report: RedoclyReport;
  try {
    report = JSON.parse(stdout) as RedoclyReport;
  } catch (cause) {
    throw new Error(`Cannot lint the ${kind} document with redocly: ${output}`, { cause });
  }
  return report.problems
    .filter(({ ruleId, message }) => ruleId !== "no-ambiguous-paths" || !message.includes(toldApartByMethod))
    .map(
      ({ ruleId, message, location }) =>
        `${kind}: redocly ${ruleId}: ${location[0]?.pointer ?? ""}: ${message.split("\n")[0]}`,
    );
}

/** Every finding is one line. */
export async function documentFaults(documents: Documents = ownDocuments()): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "mailroster-lint-"));
  try {
    const found: string[] = [];
    for (const kind of kinds) {
      found.push(...(await redoclyFaults(kind, documents[kind], folder)));
      found.push(...(await spectralFaults(kind, documents[kind])));
    }
    return found;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
