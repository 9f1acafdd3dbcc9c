/** docs/deploy/kubernetes by reading it: valid by the real schemas, whole, and each name the same on both of its ends. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { loadConfig, parsePeers, variableNames } from "../../services/config/index.ts";
import { essentialNames } from "../../services/contracts/services.ts";
import { dockerfile } from "../support/compose-file.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";
import {
  kustomization,
  type Manifest,
  manifestFiles,
  manifests,
  schemaFault,
  typeFaults,
} from "../support/kubernetes.ts";

type Labels = Readonly<Record<string, string>>;

interface Variable {
  readonly name: string;
  readonly value?: string;
}

interface Container {
  readonly command?: readonly string[];
  readonly image: string;
  readonly env?: readonly Variable[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe?: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly readinessProbe?: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly resources?: { readonly requests?: object; readonly limits?: { readonly memory?: string } };
  readonly securityContext?: object;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface SecretSource {
  readonly secret: { readonly name: string; readonly items: readonly { key: string; path: string }[] };
}

interface Pod {
  readonly terminationGracePeriodSeconds?: number;
  readonly automountServiceAccountToken?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly securityContext?: object;
  readonly containers: readonly [Container];
  readonly volumes: readonly {
    readonly name: string;
    readonly projected?: { sources: readonly SecretSource[] };
  }[];
}

interface Workload extends Manifest {
  readonly spec: {
    readonly replicas?: number;
    readonly selector?: { readonly matchLabels: Labels };
    readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod };
  };
}

interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly { key: string; values: readonly string[] }[];
}

const all = manifests();
const ofKind = <T extends Manifest>(kind: string): T[] => all.filter((each) => each.kind === kind) as T[];
const deployments = ofKind<Workload>("Deployment");
const workloads = [...deployments, ...ofKind<Workload>("Job")];
const isOperators = ({ apiVersion }: Manifest): boolean => apiVersion.startsWith("rabbitmq.com/");
const page = readFileSync(join(repositoryRoot, "docs/deploy/README.md"), "utf8");
const settings = Object.fromEntries(
  (kustomization().configMapGenerator[0]?.literals ?? []).map((line) => [
    line.slice(0, line.indexOf("=")),
    line.slice(line.indexOf("=") + 1),
  ]),
);

/** Of the pods that there are: ours, and those that the operators make. */
const pods: readonly Labels[] = [
  ...workloads.map(({ spec }) => spec.template.metadata.labels),
  { "app.kubernetes.io/name": "rabbitmq" },
  { "cnpg.io/cluster": "postgres" },
];

const selects = ({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ""));

/** Every selector of pods, wherever it stands. */
function podSelectors(node: unknown, key = ""): Selector[] {
  if (typeof node !== "object" || node === null) return [];
  const own = ["podSelector", "labelSelector"].includes(key) ? [node as Selector] : [];
  return [...own, ...Object.entries(node).flatMap(([name, value]) => podSelectors(value, name))];
}

test("the kustomization lists every file, and no other", (t) => {
  t.deepEqual([...kustomization().resources].sort(), manifestFiles().sort());
  t.deepEqual(
    ofKind("Namespace").map(({ metadata }) => metadata.name),
    [kustomization().namespace],
  );
});

test("every manifest obeys the schema of Kubernetes or of CloudNativePG, and has no key that it does not know", async (t) => {
  const known = all.filter((each) => !isOperators(each));
  const faults = await Promise.all(known.map(schemaFault));
  t.deepEqual(
    faults.filter((fault) => fault !== undefined),
    [],
  );
  t.deepEqual(typeFaults(known), []);
});

test("a key, a type and a word that the schemas do not know are noticed", async (t) => {
  const [gateway] = deployments;
  if (gateway === undefined) return t.fail();
  t.true(typeFaults([{ ...gateway, spec: { ...gateway.spec, replica: 2 } } as Manifest]).length > 0);
  t.regex(
    (await schemaFault({ ...gateway, spec: { ...gateway.spec, replicas: "two" } } as Manifest)) ?? "",
    /replicas/,
  );
  const [postgres] = ofKind<Manifest & { spec: object }>("Cluster");
  const spec = { ...postgres?.spec, primaryUpdateStrategy: "sometimes" };
  t.regex((await schemaFault({ ...postgres, spec } as Manifest)) ?? "", /primaryUpdateStrategy/);
});

test("what RabbitMQ's operator is told is of its API, and inside of it of Kubernetes'", (t) => {
  // No package has the operator's schema: these are the fields of RabbitmqClusterSpec in its API reference that are used.
  const fields = ["affinity", "image", "persistence", "rabbitmq", "replicas", "resources"];
  const [cluster] = ofKind<Manifest & { spec: Record<string, unknown> }>("RabbitmqCluster");
  t.deepEqual(Object.keys(cluster?.spec ?? {}).sort(), fields);
  const { affinity, resources } = cluster?.spec ?? {};
  const containers = [{ name: "rabbitmq", resources }];
  t.deepEqual(
    typeFaults([{ apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: { affinity, containers } }]),
    [],
  );
});

test("every selector finds pods, and every budget and service those of one role", (t) => {
  for (const manifest of all)
    for (const selector of podSelectors(manifest.spec))
      t.true(
        pods.some((labels) => selects(selector, labels)),
        `${manifest.kind} ${manifest.metadata.name}`,
      );
  for (const { spec, metadata } of deployments)
    t.true(selects(spec.selector ?? {}, spec.template.metadata.labels), metadata.name);
  for (const { spec, metadata } of ofKind<Manifest & { spec: { selector: Selector } }>("PodDisruptionBudget"))
    t.is(pods.filter((labels) => selects(spec.selector, labels)).length, 1, metadata.name);
  for (const { spec } of ofKind<Manifest & { spec: { selector: Labels } }>("Service"))
    t.is(pods.filter((labels) => selects({ matchLabels: spec.selector }, labels)).length, 1);
});

test("two of each role host every service, with two nodes for them", (t) => {
  const hosted = deployments.flatMap(({ spec }) => {
    const { env = [] } = spec.template.spec.containers[0];
    return env.flatMap(({ name, value = "" }) => (name === "SERVICES" ? value.split(",") : []));
  });
  t.deepEqual(hosted.sort(), [...essentialNames].sort());
  for (const { spec, metadata } of deployments) {
    t.is(spec.replicas, 2, metadata.name);
    t.true(
      ofKind("PodDisruptionBudget").some((budget) => budget.metadata.name === metadata.name),
      metadata.name,
    );
  }
});

test("every process starts with what its manifest says, and its secrets come as files that are there", (t) => {
  const secretsOf = (user: string): Record<string, string> => ({
    DATABASE_URL: "postgresql://a:b@postgres-rw:5432/mailroster_users?sslmode=verify-full",
    REGISTRY_DATABASE_URL: "postgresql://a:b@postgres-rw:5432/mailroster_registry?sslmode=verify-full",
    AMQP_URL: `amqp://${user}:b@rabbitmq-server-0.rabbitmq-nodes:5672/mailroster-calls`,
    EVENTS_AMQP_URL: `amqp://${user}:b@rabbitmq-server-0.rabbitmq-nodes:5672/mailroster-events`,
    OPS_TOKEN: "a".repeat(64),
  });
  for (const { spec, metadata } of workloads) {
    const [{ env = [], volumeMounts = [] }] = spec.template.spec.containers;
    const sources = spec.template.spec.volumes.flatMap(({ projected }) => projected?.sources ?? []);
    const [{ mountPath = "" } = {}] = volumeMounts.filter(({ name }) => name === "secrets");
    const files = sources.flatMap(({ secret }) => secret.items.map(({ path }) => `${mountPath}/${path}`));
    const secrets = secretsOf(metadata.name);
    const environment: Record<string, string> = metadata.name === "migrate" ? {} : { ...settings };
    for (const { name, value } of env) {
      t.true(variableNames().includes(name), `${metadata.name}: ${name}`);
      if (!name.endsWith("_FILE")) environment[name] = value ?? `${metadata.name}-5d4f-x2`;
      else {
        t.true(files.includes(value ?? ""), `${metadata.name}: ${value}`);
        environment[name.replace(/_FILE$/, "")] = secrets[name.replace(/_FILE$/, "")] ?? "";
      }
    }
    if (metadata.name === "migrate") continue;
    const config = loadConfig(environment);
    t.is(config.migrate, "check", metadata.name);
    t.deepEqual(config.peers, parsePeers(settings.AMQP_PEERS ?? ""), metadata.name);
    t.is(config.opsToken, secrets.OPS_TOKEN, metadata.name);
    t.deepEqual(config.warnings, [], metadata.name);
    const graceS = spec.template.spec.terminationGracePeriodSeconds ?? 30;
    t.true(graceS * 1000 > config.drainMs + 20_000, metadata.name);
  }
});

test("every secret that a pod mounts is made by the page or by an operator", (t) => {
  const made = [...page.matchAll(/create secret generic (\S+)/g)].map(([, name = ""]) => name);
  const mounted = workloads.flatMap(({ spec }) =>
    spec.template.spec.volumes
      .flatMap(({ projected }) => projected?.sources ?? [])
      .map(({ secret }) => secret.name),
  );
  const byOperators = ["postgres-ca"];
  const expected = made.flatMap((name) =>
    name === "postgres-$side"
      ? ["postgres-users", "postgres-registry"]
      : name === "broker-$user"
        ? ["broker-users", "broker-smtp-registry"]
        : name,
  );
  t.deepEqual([...new Set(mounted)].filter((name) => !byOperators.includes(name)).sort(), expected.sort());
});

test("the page makes the users of RabbitMQ that the pods log in as", (t) => {
  t.true(page.includes(`export AMQP_PEERS=${settings.AMQP_PEERS}\n`));
  for (const { metadata } of deployments)
    t.true(parsePeers(settings.AMQP_PEERS ?? "").has(metadata.name), metadata.name);
});

test("the owner of the tables is known to the job that migrates alone", (t) => {
  const knows = workloads.filter(({ spec }) => JSON.stringify(spec).includes("postgres-owner"));
  t.deepEqual(
    knows.map(({ metadata }) => metadata.name),
    ["migrate"],
  );
  const [cluster] = ofKind<Manifest & { spec: { bootstrap: { initdb: { owner: string } } } }>("Cluster");
  const [registry] = ofKind<Manifest & { spec: { owner: string } }>("Database");
  t.deepEqual(
    [cluster?.spec.bootstrap.initdb.owner, registry?.spec.owner],
    ["mailroster_owner", "mailroster_owner"],
  );
});

test("probes ask the ops port, what is ready is ready, and every port that is named is there", (t) => {
  const { opsPort, httpPort } = loadConfig({});
  for (const { spec, metadata } of deployments) {
    const [{ ports = [], livenessProbe, readinessProbe }] = spec.template.spec.containers;
    const numbers = Object.fromEntries(ports.map(({ name, containerPort }) => [name, containerPort]));
    t.is(numbers.ops, opsPort, metadata.name);
    t.deepEqual(livenessProbe?.httpGet, { path: "/health/live", port: "ops" }, metadata.name);
    t.deepEqual(readinessProbe?.httpGet, { path: "/health/ready", port: "ops" }, metadata.name);
    t.is(numbers.http, metadata.name === "gateway" ? httpPort : undefined, metadata.name);
  }
  const policies = JSON.stringify(ofKind("NetworkPolicy"));
  for (const port of [opsPort, httpPort, 5432, 5672])
    t.true(policies.includes(`{"port":${port}}`), `${port}`);
});

test("our pods run as the image's user, on a file system that they can't change, with no right and no token", (t) => {
  t.is(dockerfile().user, "node");
  for (const { spec, metadata } of workloads) {
    const { securityContext, containers, automountServiceAccountToken, enableServiceLinks } =
      spec.template.spec;
    t.deepEqual([automountServiceAccountToken, enableServiceLinks], [false, false], metadata.name);
    // 1000 is `node` in the image of Node.
    t.like(securityContext, {
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: "RuntimeDefault" },
    });
    const own = {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    };
    t.deepEqual(containers[0].securityContext, own, metadata.name);
    t.truthy(containers[0].resources?.requests, metadata.name);
    t.truthy(containers[0].resources?.limits?.memory, metadata.name);
  }
});

test("the image is that of this release, and the engines are of the releases that Compose has", (t) => {
  const { version } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
    version: string;
  };
  t.deepEqual(kustomization().images, [{ name: "mailroster", newTag: version }]);
  for (const { spec } of workloads) t.is(spec.template.spec.containers[0].image, "mailroster");
  const compose = readFileSync(join(repositoryRoot, "docker-compose.yml"), "utf8");
  const [rabbit] = ofKind<Manifest & { spec: { image: string } }>("RabbitmqCluster");
  t.true(compose.includes(`image: ${rabbit?.spec.image.replace("-management", "")}\n`));
  const [postgres] = ofKind<Manifest & { spec: { imageName: string } }>("Cluster");
  t.true(compose.includes(`image: postgres:${postgres?.spec.imageName.split(":")[1]}.`));
});
