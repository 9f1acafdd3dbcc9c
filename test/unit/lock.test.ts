/** What npm installs is what was looked at: package-lock.json holds a hash of each package, and no address of a registry. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";

const text = readFileSync(join(import.meta.dirname, "../../package-lock.json"), "utf8");
const { packages } = JSON.parse(text) as {
  packages: Record<string, { integrity?: string; resolved?: string; link?: boolean }>;
};

/** A tool of developers, of which the registry that made the lock had no package for other platforms. */
const withoutHash = /^node_modules\/jscpd-(?:darwin|linux-arm64|windows)/;

test("every package of the lock has a hash, those of other platforms too", (t) => {
  const places = Object.entries(packages).filter(([place, { link }]) => place !== "" && link !== true);
  t.true(places.length > 500);
  t.deepEqual(
    places
      .filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? ""))
      .map(([place]) => place)
      .filter((place) => !withoutHash.test(place)),
    [],
  );
});

test("the lock names no registry", (t) => {
  t.deepEqual(
    Object.entries(packages).flatMap(([place, { resolved }]) => (resolved === undefined ? [] : [place])),
    [],
  );
});
