/** A misspelt variable of ours is told of with the name that was meant; nobody else's variable is. */
import test from "ava";
import { ConfigError, loadConfig, variableNames } from "../../services/config/index.ts";
import { meantBy } from "../../services/config/misspelling.ts";

const misspelt: Record<string, string> = {
  HTPP_PORT: "HTTP_PORT",
  HTTP_PROT: "HTTP_PORT",
  HTTP_PORTS: "HTTP_PORT",
  HTTPPORT: "HTTP_PORT",
  http_port: "HTTP_PORT",
  "HTTP-PORT": "HTTP_PORT",
  PORT_HTTP: "HTTP_PORT",
  MAILROSTER_HTTP_PORT: "HTTP_PORT",
  MAILROSTER_LOGLEVEL: "LOG_LEVEL",
  HTTP_BODY_MAX_BYTES: "HTTP_BODY_BYTES_MAX",
  HTTP_REQUESTS_PER_MINUTE: "HTTP_REQUESTS_PER_MINUTE_MAX",
  DATABSE_URL: "DATABASE_URL",
  DATABASE_URI: "DATABASE_URL",
  DATABASE_ULR: "DATABASE_URL",
  DATABASE_URL_FIEL: "DATABASE_URL_FILE",
  REGSITRY_DATABSE_URL: "REGISTRY_DATABASE_URL",
  AMPQ_URL: "AMQP_URL",
  SERVICE: "SERVICES",
  NODEID: "NODE_ID",
  LOG_LEVL: "LOG_LEVEL",
  DATADIR: "DATA_DIR",
  BLOCKED_LOCAL_PART: "BLOCKED_LOCAL_PARTS",
  RETRY_DELAY_MS: "RETRY_DELAYS_MS",
  TOMBSTONES_DAYS: "TOMBSTONE_DAYS",
  QUARANTAINE_DAYS: "QUARANTINE_DAYS",
  RECONCILE_MINUTE: "RECONCILE_MINUTES",
  FAULTS_INJECTION: "FAULT_INJECTION",
  OTEL_EXPORTER_OLTP_ENDPOINT: "OTEL_EXPORTER_OTLP_ENDPOINT",
};

for (const [name, meant] of Object.entries(misspelt))
  test(`${name} is told of as ${meant}`, (t) => {
    t.deepEqual(loadConfig({ [name]: "1" }, false).warnings, [
      `${name} is not a variable of mailroster and has no effect: ${meant} is`,
    ]);
  });

const foreign = {
  shell: `PATH HOME USER LOGNAME SHELL PWD OLDPWD LANG LC_ALL TERM TMPDIR EDITOR PAGER HOSTNAME SHLVL MAIL DISPLAY TZ _
    COLORTERM COLUMNS LINES LS_COLORS FORCE_COLOR NO_COLOR XDG_DATA_DIRS XDG_DATA_HOME XDG_RUNTIME_DIR SSH_AUTH_SOCK
    SSH_CONNECTION DBUS_SESSION_BUS_ADDRESS VIRTUAL_ENV JAVA_HOME GOPATH`,
  proxies: "HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy FTP_PROXY",
  node: `NODE NODE_ENV NODE_PATH NODE_OPTIONS NODE_VERSION NODE_DEBUG NODE_EXTRA_CA_CERTS NODE_COMPILE_CACHE NODE_NAME NODE_IP
    NODE_TLS_REJECT_UNAUTHORIZED NODE_NO_WARNINGS NVM_DIR NVM_BIN YARN_VERSION DENO_DIR UV_THREADPOOL_SIZE INIT_CWD
    npm_config_loglevel npm_config_cache npm_config_registry npm_config_user_agent npm_lifecycle_event npm_node_execpath
    npm_package_json npm_package_version npm_execpath npm_command`,
  postgres: `PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE PGDATA PGSSLMODE PGAPPNAME POSTGRES_USER POSTGRES_PASSWORD
    POSTGRES_DB POSTGRES_PASSWORD_FILE POSTGRES_HOST POSTGRES_PORT PG_VERSION PG_MAJOR`,
  rabbit: `RABBITMQ_DEFAULT_USER RABBITMQ_DEFAULT_PASS RABBITMQ_NODENAME RABBITMQ_DATA_DIR RABBITMQ_LOGS ERL_EPMD_PORT
    RABBITMQ_URL RABBITMQ_NODE_PORT`,
  others: `DATABASE_USER DATABASE_HOST DATABASE_NAME DATABASE_SSL DB_URL REDIS_URL NATS_URL MONGO_URL SMTP_HOST SMTP_PORT
    SMTP_URL SMTP_USER FTP_HOST SSH_HOST LDAP_URL LOG_DIR LOG_FILE LOG_PATH APP_PORT PORT HOST DEBUG CI SECRET_KEY`,
  kubernetes: `KUBERNETES_PORT KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT_HTTPS KUBERNETES_PORT_443_TCP_ADDR POD_IP
    POD_NAME HOST_IP POD_NAMESPACE MAILROSTER_SERVICE_HOST MAILROSTER_SERVICE_PORT MAILROSTER_PORT
    MAILROSTER_PORT_3000_TCP_ADDR MAILROSTER_PORT_3000_TCP_PORT GATEWAY_PORT USERS_PORT USERS_SERVICE_HOST
    POSTGRES_SERVICE_HOST RABBITMQ_PORT_5672_TCP`,
  telemetry: `OTEL_SERVICE_NAME OTEL_RESOURCE_ATTRIBUTES OTEL_EXPORTER_OTLP_HEADERS OTEL_EXPORTER_OTLP_PROTOCOL
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT OTEL_EXPORTER_OTLP_METRICS_ENDPOINT OTEL_EXPORTER_OTLP_TIMEOUT OTEL_SDK_DISABLED
    OTEL_TRACES_EXPORTER OTEL_LOG_LEVEL`,
  moleculer: "MOLECULER_CONFIG SERVICEDIR MOL_NODE_ID",
  tests: "TEST_DATABASE_URL TEST_AMQP_URL TEST_RABBITMQCTL TEST_ERL_CALL TEST_PROMETHEUS TEST_LOG_DIR",
  actions: `GITHUB_ACTIONS GITHUB_TOKEN GITHUB_WORKSPACE GITHUB_SERVER_URL GITHUB_API_URL RUNNER_OS RUNNER_TEMP
    GITLAB_CI CI_JOB_ID CI_NODE_INDEX CI_REGISTRY CI_SERVER_URL BUILD_ID`,
};

for (const [whose, names] of Object.entries(foreign))
  test(`the variables of ${whose} are nobody's misspelling`, (t) => {
    const environment = Object.fromEntries(names.split(/\s+/).map((name) => [name, "1"]));
    t.deepEqual(loadConfig(environment, false).warnings, []);
  });

test("none of our own names is another's misspelling", (t) => {
  const names = variableNames().filter((name) => !name.endsWith("_FILE"));
  for (const name of names)
    t.is(
      meantBy(
        name,
        names.filter((other) => other !== name),
      ),
      undefined,
      name,
    );
});

test("a value that can't come from a file is not silently left out", (t) => {
  t.deepEqual(loadConfig({ HTTP_PORT_FILE: "/run/secrets/port" }, false).warnings, [
    "HTTP_PORT_FILE has no effect: the value of HTTP_PORT can't come from a file",
  ]);
});

test("where a variable is missing, its misspelling is named in the same sentence", (t) => {
  const error = t.throws(() => loadConfig({ SERVICES: "gateway", AMPQ_URL: "amqp://broker" }, false), {
    instanceOf: ConfigError,
  });
  t.regex(error.message, /^AMQP_URL is missing: .*AMPQ_URL is not a variable of mailroster/);
});
