/** A Chromium for the tests: an installed one, or the distribution's package, unpacked. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram, type ProgramProvision, type ProgramWay, runProgram } from "./command.ts";
import { librariesOf } from "./mail-servers.ts";
import { unpackedPackage } from "./packages.ts";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** A snap's stand-in is a program of that name, too, and no browser. */
async function versionOf(program: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, ["--version"]);
  const [version] = /\d+\.\d+\S*/.exec(stdout) ?? [];
  if (code !== 0 || version === undefined)
    throw new Error(stderr.trim().split("\n").at(-1) || `${program} tells no version`);
  return version;
}

async function provision(program: string, how: string): Promise<ProgramProvision> {
  const version = await versionOf(program);
  return { place: program, how: `${version}, ${how}`, stop: async () => {} };
}

async function installed(): Promise<ProgramProvision> {
  for (const name of names) {
    const program = findProgram(name);
    if (program === undefined) continue;
    const usable = await provision(program, program).catch(() => undefined);
    if (usable !== undefined) return usable;
  }
  throw new Error(`there is none of ${names.join(", ")} on the PATH`);
}

/** Text of a machine without fonts has no width, and contrast can't be told. */
const fontsOf = (folder: string): string => `<?xml version="1.0"?>
<fontconfig>
<dir>/usr/share/fonts</dir>
<dir>${join(folder, "usr/share/fonts")}</dir>
<cachedir>${join(folder, "fonts-cache")}</cachedir>
</fontconfig>
`;

async function unpacked(): Promise<ProgramProvision> {
  const folder = await unpackedPackage("chromium", /^chromium-common$/);
  const binary = join(folder, "usr/lib/chromium/chromium");
  if (!existsSync(binary)) throw new Error("the package chromium brings no browser here");
  const fonts = await unpackedPackage("fonts-dejavu-core");
  const [script, conf] = [join(folder, "start"), join(folder, "fonts.conf")];
  writeFileSync(conf, fontsOf(fonts));
  const lines = [
    "#!/bin/sh",
    `export LD_LIBRARY_PATH='${librariesOf(folder)}'`,
    `export FONTCONFIG_FILE='${conf}'`,
    `exec '${binary}' "$@"`,
  ];
  writeFileSync(script, `${lines.join("\n")}\n`, { mode: 0o755 });
  return provision(script, `the distribution's package, unpacked in ${folder}`);
}

/** Resolves with the program. */
export const chromiumWays = (): ProgramWay[] => {
  const named = process.env.TEST_CHROMIUM;
  return [
    ...(named ? [{ name: "TEST_CHROMIUM", attempt: () => provision(named, "as TEST_CHROMIUM says") }] : []),
    { name: "an installed one", attempt: installed },
    { name: "the distribution's package chromium", attempt: unpacked },
  ];
};
export const chromiumAdvice =
  "Chromium is needed: install the package chromium, or set TEST_CHROMIUM to the program";
