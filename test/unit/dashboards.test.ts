/** The shipped dashboards by reading them; that their queries ask for what exists is observability.test.ts's. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { composeFile } from "../support/compose-file.ts";
import { dashboards, observability } from "../support/rules.ts";

const provisioned = (path: string) =>
  parse(readFileSync(join(observability, "grafana/provisioning", path), "utf8"));

test("every panel tells what it shows, in which unit, from the data source that is provisioned", (t) => {
  const { datasources } = provisioned("datasources/prometheus.yml") as {
    datasources: { uid: string; url: string }[];
  };
  t.is(new URL(datasources[0]?.url ?? "").hostname in composeFile().services, true);
  t.is(new Set(dashboards().map(({ uid }) => uid)).size, dashboards().length);
  for (const { file, panels } of dashboards())
    for (const { type, title, description, datasource, fieldConfig, targets = [] } of panels) {
      if (type === "row") continue;
      const where = `${file}: ${title}`;
      t.truthy(description, where);
      t.truthy(fieldConfig?.defaults.unit, where);
      t.is(datasource?.uid, datasources[0]?.uid, where);
      t.true(targets.length > 0, where);
    }
});

test("no panel lies over another or beside the grid", (t) => {
  for (const { file, panels } of dashboards()) {
    const taken = new Set<string>();
    for (const {
      title,
      gridPos: { x, y, w, h },
    } of panels) {
      t.true(x + w <= 24, `${file}: ${title}`);
      for (let row = y; row < y + h; row += 1)
        for (let column = x; column < x + w; column += 1) {
          t.false(taken.has(`${column},${row}`), `${file}: ${title}`);
          taken.add(`${column},${row}`);
        }
    }
  }
});

test("Grafana finds the dashboards where Compose mounts them", (t) => {
  const { providers } = provisioned("dashboards/mailroster.yml") as {
    providers: { options: { path: string } }[];
  };
  const { volumes = [], environment = {} } = composeFile().services.grafana ?? {};
  const path = providers[0]?.options.path ?? "";
  t.true(volumes.includes(`./docker/observability/grafana/dashboards:${path}:ro`));
  const home = environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? "";
  t.true(
    dashboards().some(({ file }) => home === `${path}/${file}`),
    home,
  );
});
