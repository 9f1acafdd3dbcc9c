/** The list of what a release is made of, as `npm version` writes it: valid CycloneDX, whole, and with a hash of each. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import test from "ava";
import { repositoryRoot } from "../support/gate/run-tool.ts";
import { findProgram, runProgram } from "../support/provision/command.ts";

interface Component {
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly { alg: string; content: string }[];
}

const schemas = join(repositoryRoot, "node_modules/@cyclonedx/cyclonedx-library/res/schema");
const schemaOf = (name: string): object =>
  JSON.parse(readFileSync(join(schemas, `${name}.SNAPSHOT.schema.json`), "utf8")) as object;

const { packages } = JSON.parse(readFileSync(join(repositoryRoot, "package-lock.json"), "utf8")) as {
  packages: Record<
    string,
    { version: string; name?: string; integrity?: string; dev?: boolean; devOptional?: boolean }
  >;
};

const hexOf = (integrity = ""): string =>
  Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");

test("the SBOM is valid CycloneDX 1.5, and has each package that a release runs with, by its hash", async (t) => {
  const npm = findProgram("npm") ?? "npm";
  const { code, stdout, stderr } = await runProgram(npm, ["run", "--silent", "sbom"], {
    cwd: repositoryRoot,
  });
  t.is(code, 0, stderr);
  const sbom = JSON.parse(stdout) as { specVersion: string; components: Component[] };
  const ajv = new Ajv.default({ strict: false, validateFormats: false });
  // By the names that the schema refers to them, beside itself.
  for (const name of ["spdx", "jsf-0.82"])
    ajv.addSchema(schemaOf(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  t.true(ajv.validate(schemaOf("bom-1.5"), sbom), ajv.errorsText());
  const wanted = Object.entries(packages).flatMap(([place, { version, integrity, dev, name }]) =>
    place === "" || dev === true
      ? []
      : [`${name ?? place.split("node_modules/").at(-1)}@${version} ${hexOf(integrity)}`],
  );
  const listed = sbom.components.map(
    ({ name, version, hashes }) =>
      `${name}@${version} ${hashes?.find(({ alg }) => alg === "SHA-512")?.content ?? ""}`,
  );
  t.deepEqual([...new Set(listed)].toSorted(), [...new Set(wanted)].toSorted());
});
