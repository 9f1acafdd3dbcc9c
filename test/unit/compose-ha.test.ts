/** docker-compose.ha.yml on docker-compose.yml: what several machines have, in containers; merged as Compose does it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { loadConfig } from "../../services/config/index.ts";
import { clusterComposeFile, mergedComposeFiles } from "../support/compose-merge.ts";
import { composeValidator } from "../support/compose-schema.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";

const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");
const { services, networks, volumes } = clusterComposeFile();
const namesOf = (image: string): string[] =>
  Object.entries(services).flatMap(([name, service]) => (service.image.startsWith(image) ? name : []));
const roles = ["gateway", "users", "smtp-registry"];
const members = ["postgres", "postgres-2"];
const rabbitNodes = namesOf("rabbitmq:");

test("both files together obey the Compose specification", (t) => {
  const validate = composeValidator();
  validate(mergedComposeFiles("docker-compose.yml", "docker-compose.ha.yml"));
  t.deepEqual(validate.errors ?? [], []);
});

test("there are two of each role, three nodes of RabbitMQ, and PostgreSQL with a standby", (t) => {
  for (const role of roles)
    t.is((services[role]?.deploy as { replicas?: number } | undefined)?.replicas, 2, role);
  t.deepEqual(rabbitNodes, ["rabbitmq", "rabbitmq-2", "rabbitmq-3"]);
  t.deepEqual(namesOf("mailroster-engines:").sort(), ["etcd", "haproxy", ...members]);
});

test("every process is told of all nodes and servers that it uses, and can reach each", (t) => {
  for (const role of roles) {
    const { environment = {}, networks: own = [], depends_on = {} } = services[role] ?? {};
    const config = loadConfig(environment);
    const brokers = (config.amqpUrl ?? "").split(";").map((url) => new URL(url).hostname);
    t.deepEqual(brokers, rabbitNodes, role);
    const url = config.usersDatabaseUrl ?? config.registryDatabaseUrl;
    const servers = url === undefined ? [] : (/@([^/]*)\//.exec(url)?.[1] ?? "").split(",");
    t.deepEqual(servers, role === "gateway" ? [] : members, role);
    if (url !== undefined) t.true(url.endsWith("?target_session_attrs=read-write"), role);
    for (const host of [...brokers, ...servers]) {
      t.true(host in depends_on, `${role} does not wait for ${host}`);
      t.true(
        services[host]?.networks?.some((network) => own.includes(network)),
        `${role} can't reach ${host}`,
      );
    }
  }
});

test("only HAProxy is reached from outside, on the loopback interface, and it finds the gateways where they are", (t) => {
  const published = Object.entries(services).filter(
    ([, { ports = [], profiles = [] }]) => ports.length + profiles.length > 0,
  );
  t.deepEqual(
    published.filter(([, { profiles }]) => profiles === undefined).map(([name]) => name),
    ["haproxy"],
  );
  t.deepEqual(services.haproxy?.ports, ["127.0.0.1:3000:3000"]);
  const configuration = read("docker/ha/haproxy.cfg");
  const { httpPort, opsPort, allowedHosts } = loadConfig(services.gateway?.environment ?? {});
  t.true(configuration.includes(`server-template gateway- 2 gateway:${httpPort}`));
  t.true(configuration.includes(`check port ${opsPort} `));
  const [, asked = ""] = /hdr Host (\S+)/.exec(configuration) ?? [];
  t.true(allowedHosts.includes(asked), asked);
  t.deepEqual(networks[services.haproxy?.networks?.[0] ?? ""], {});
});

test("every node of RabbitMQ is named in the file that they find each other by, and shares its secret", (t) => {
  const found = [...read("docker/ha/rabbitmq.conf").matchAll(/nodes\.\d = rabbit@(\S+)/g)].map(
    ([, name]) => name,
  );
  t.deepEqual(found, rabbitNodes);
  for (const name of rabbitNodes) {
    const { environment = {}, volumes: mounts = [] } = services[name] ?? {};
    t.is((services[name] as { hostname?: string }).hostname, name);
    t.is(environment.RABBITMQ_ERLANG_COOKIE, "local-only", name);
    t.true(mounts.includes("./docker/ha/rabbitmq.conf:/etc/rabbitmq/conf.d/20-cluster.conf:ro"), name);
  }
});

test("every member of PostgreSQL has a name and an address of its own, and the etcd that there is", (t) => {
  const patroni = parse(read("docker/ha/patroni.yml")) as {
    etcd3: { hosts: string };
    bootstrap: { dcs: { synchronous_mode: boolean; check_timeline: boolean }; post_init: string };
    postgresql: { basebackup: { checkpoint: string } };
  };
  t.true(patroni.etcd3.hosts.split(":")[0] === "etcd" && "etcd" in services);
  t.true(patroni.bootstrap.dcs.synchronous_mode);
  t.true(patroni.bootstrap.dcs.check_timeline);
  // Else the standby waits for the next checkpoint, which may be minutes, and is no healthy container until then.
  t.is(patroni.postgresql.basebackup.checkpoint, "fast");
  for (const name of members) {
    const { environment = {}, volumes: mounts = [] } = services[name] ?? {};
    t.is(environment.PATRONI_NAME, name);
    t.is(environment.PATRONI_POSTGRESQL_CONNECT_ADDRESS, `${name}:5432`);
    t.is(environment.PATRONI_RESTAPI_CONNECT_ADDRESS, `${name}:8008`);
    const [, script = ""] = /--file=(\S+)/.exec(patroni.bootstrap.post_init) ?? [];
    t.true(
      mounts.some((mount) => mount.split(":")[1] === script),
      name,
    );
    for (const [, variable = ""] of read("docker/postgres-init.sql").matchAll(/\\getenv \w+ (\w+)/g))
      t.true(variable in environment, `${name} has no ${variable}`);
  }
});

test("a password set once reaches all servers and all clients", (t) => {
  const broker = { gateway: "GATEWAY", users: "USERS", "smtp-registry": "REGISTRY" };
  const variables = [
    ...["USERS_DATABASE_PASSWORD", "REGISTRY_DATABASE_PASSWORD"],
    ...Object.values(broker).map((name) => `${name}_BROKER_PASSWORD`),
  ];
  const own = clusterComposeFile(Object.fromEntries(variables.map((name) => [name, `own-${name}`]))).services;
  for (const name of members) {
    t.is(own[name]?.environment?.USERS_PASSWORD, "own-USERS_DATABASE_PASSWORD");
    t.is(own[name]?.environment?.REGISTRY_PASSWORD, "own-REGISTRY_DATABASE_PASSWORD");
  }
  for (const [role, name] of Object.entries(broker)) {
    const password = `own-${name}_BROKER_PASSWORD`;
    for (const node of rabbitNodes) t.is(own[node]?.environment?.[`${name}_PASSWORD`], password, node);
    for (const url of ["AMQP_URL", "EVENTS_AMQP_URL"])
      if (role !== "gateway" || url === "AMQP_URL")
        t.is(own[role]?.environment?.[url]?.split(`:${password}@`).length, 4, `${role} ${url}`);
  }
  t.true(own.users?.environment?.DATABASE_URL?.includes(":own-USERS_DATABASE_PASSWORD@"));
  t.true(
    own["smtp-registry"]?.environment?.REGISTRY_DATABASE_URL?.includes(":own-REGISTRY_DATABASE_PASSWORD@"),
  );
});

test("every container of the cluster has limits, a health check, no capability that it does not need, and a volume for its data", (t) => {
  for (const [name, service] of Object.entries(services)) {
    t.truthy(service.deploy?.resources?.limits?.memory, name);
    t.is(service.healthcheck?.test?.[0], "CMD", name);
    t.regex(service.restart ?? "", /^(unless-stopped|on-failure:\d)$/, name);
    t.deepEqual(service.cap_drop, ["ALL"], name);
    for (const mount of service.volumes ?? []) {
      const [source = ""] = mount.split(":");
      t.true(source.startsWith("./") ? existsSync(join(repositoryRoot, source)) : source in volumes, mount);
    }
  }
  for (const name of ["etcd", ...members, ...rabbitNodes])
    t.true(
      services[name]?.volumes?.some((mount) => mount.startsWith(`${name}-data:`)),
      name,
    );
});

test("Prometheus asks for every container of a role, not for one of them", (t) => {
  const { scrape_configs } = parse(read("docker/ha/prometheus.yml")) as {
    scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[];
  };
  t.deepEqual(scrape_configs[0]?.dns_sd_configs[0]?.names.sort(), [...roles].sort());
  t.true(
    services.prometheus?.volumes?.includes("./docker/ha/prometheus.yml:/etc/prometheus/prometheus.yml:ro"),
  );
});
