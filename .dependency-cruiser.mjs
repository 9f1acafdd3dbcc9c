/**
 * Direction of imports: contracts <- mixins <- services/<one> <- test. Services never import each other, not even
 * types: they talk by actions and events. services/runtime is the one composition root.
 */
const ours = "^(services|mixins|migrations|test)/|^moleculer[.]config[.]ts$";
/** What Moleculer's own runner is to host, which moleculer.config.ts loads when that asks, and not before. */
const runner = "^services/runtime/runner[.]ts$";

const forbid = (name, comment, from, to) => ({
  name,
  comment,
  severity: "error",
  from: typeof from === "string" ? { path: from } : from,
  to: typeof to === "string" ? { path: to } : to,
});

export default {
  forbidden: [
    forbid(
      "contracts-are-leaves",
      "Contracts import nothing of ours but each other",
      "^services/contracts/",
      {
        path: ours,
        pathNot: "^services/contracts/",
      },
    ),
    forbid("mixins-know-only-contracts", "Mixins import contracts and mixins only", "^mixins/", {
      path: ours,
      pathNot: "^(mixins|services/contracts)/",
    }),
    forbid(
      "config-knows-only-contracts",
      "The configuration is read before anything of ours",
      "^services/config/",
      {
        path: ours,
        // What a URL of a database may say is decided where connections are opened by it.
        pathNot: "^services/(config|contracts)/|^mixins/postgres/database-url[.]ts$",
      },
    ),
    forbid(
      "services-are-islands",
      "A service imports contracts, config, mixins and itself only",
      "^services/(?!contracts/|config/|runtime/|commands/)([^/]+)/",
      { path: ours, pathNot: "^mixins/|^services/(contracts|config|$1)/" },
    ),
    forbid(
      "broker-options-stay-thin",
      "moleculer.config.ts imports contracts, config and mixins only",
      "^moleculer[.]config[.]ts$",
      {
        path: ours,
        pathNot: `^mixins/|^services/(contracts|config)/|${runner}`,
      },
    ),
    forbid("migrations-stand-alone", "A released migration never changes with our code", "^migrations/", {
      path: ours,
      pathNot: "^migrations/",
    }),
    forbid("nothing-imports-tests", "What ships does not know its tests", { pathNot: "^test/" }, "^test/"),
    forbid(
      "runtime-is-the-root",
      "Only the composition root and tests import the composition root",
      { pathNot: "^(services/(runtime|commands)|test)/" },
      { path: "^services/(runtime|commands)/", pathNot: runner },
    ),
    forbid(
      "database-stays-behind-services",
      "Contracts, config and the gateway have no database",
      "^services/(contracts|config|gateway)/",
      "node_modules/(@mikro-orm|pg)/",
    ),
    forbid(
      "amqp-stays-in-the-bus",
      "Only the bus and the composition root open AMQP channels",
      { pathNot: "^(mixins/(bus|patches)|services/(runtime|commands)|test)/" },
      { path: "node_modules/amqplib/", dependencyTypesNot: ["type-only"] },
    ),
    forbid(
      "insides-stay-in-patches",
      "Files of a library that it does not offer are imported where its version is watched",
      { pathNot: "^mixins/patches/" },
      "node_modules/(amqplib|pg)/lib/",
    ),
    forbid(
      "patches-know-only-basics",
      "A patch knows its library and nothing of what is built on it",
      "^mixins/patches/",
      { path: ours, pathNot: "^mixins/(patches|basics)/" },
    ),
    forbid(
      "no-circles",
      "A circle has no order of start",
      {},
      { circular: true, viaOnly: { pathNot: runner } },
    ),
    {
      name: "no-circles-of-folders",
      comment: "Rooms that lead into each other are one room with two names",
      severity: "error",
      scope: "folder",
      from: { path: "^(mixins|services)/" },
      to: { circular: true },
    },
    forbid("no-unresolved", "Cannot be found", {}, { couldNotResolve: true }),
    forbid(
      "only-declared-packages",
      "Every package stands in package.json",
      {},
      { dependencyTypes: ["npm-no-pkg", "npm-unknown", "deprecated"] },
    ),
    forbid(
      "no-test-tools-in-production",
      "devDependencies are not installed there",
      { pathNot: "^test/|[.]config[.]js$" },
      { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js", ".mjs", ".json"],
    },
  },
};
