/**
 * `npm run --silent sbom` prints what a release is made of, as CycloneDX 1.5, from package-lock.json; `npm version` writes
 * it into sbom.cdx.json. npm makes it, of a project without tools of developers: `npm sbom --omit=dev` (npm 11.19) leaves
 * out whatever a tool needs as well, which was 100 packages of 241.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCodes } from "../services/contracts/exits.ts";
import { type CommandForm, commandLine } from "../services/runtime/command-line.ts";
import { runCommand } from "../services/runtime/run-command.ts";
import { repositoryRoot } from "./support/gate/run-tool.ts";
import { findProgram, runProgram } from "./support/provision/command.ts";

const form: CommandForm = {
  name: "sbom",
  says: "Prints what a release is made of, with the hash of each package (CycloneDX 1.5).",
  exits: { [exitCodes.ok]: "printed", [exitCodes.failure]: "npm failed" },
};

type Json = Record<string, unknown>;
interface Lock extends Json {
  readonly packages: Readonly<Record<string, Json & { readonly dev?: boolean }>>;
}

const read = <T>(name: string): T => JSON.parse(readFileSync(join(repositoryRoot, name), "utf8")) as T;
const withoutTools = ({ devDependencies: _, ...rest }: Json): Json => rest;

/** Both files of a project as it runs. */
function runtimeProject(): Readonly<Record<string, unknown>> {
  const lock = read<Lock>("package-lock.json");
  const packages = Object.entries(lock.packages).filter(([, { dev }]) => dev !== true);
  const own = withoutTools(lock.packages[""] ?? {});
  return {
    "package.json": withoutTools(read<Json>("package.json")),
    "package-lock.json": { ...lock, packages: { ...Object.fromEntries(packages), "": own } },
  };
}

async function sbom(): Promise<number> {
  const parent = mkdtempSync(join(tmpdir(), "mailroster-sbom-"));
  // npm names what it tells of by its folder.
  const folder = join(parent, "mailroster");
  try {
    mkdirSync(folder);
    for (const [name, content] of Object.entries(runtimeProject()))
      writeFileSync(join(folder, name), JSON.stringify(content));
    const { code, stdout, stderr } = await runProgram(
      findProgram("npm") ?? "npm",
      ["sbom", "--package-lock-only", "--sbom-type=application", "--sbom-format=cyclonedx"],
      { cwd: folder },
    );
    process.stdout.write(stdout);
    if (code === 0) return exitCodes.ok;
    process.stderr.write(stderr);
    return exitCodes.failure;
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

commandLine(form);
await runCommand(sbom);
