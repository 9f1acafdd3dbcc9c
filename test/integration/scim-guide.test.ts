/** docs/guides/scim.md works line by line. */
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { runBlocks, sectionsOf } from "../support/executable-page.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";
import { makeKey } from "../support/keys.ts";
import { startRig } from "../support/rig.ts";

test("an identity provider's way is seen by the guide's own commands", async (t) => {
  const rig = await startRig({ environment: { AUTH: "required", SCIM_DEFAULT_DOMAIN: "example.com" } });
  t.teardown(() => rig.stop());
  const { key } = await makeKey(rig, "provisioner", { name: "entra" });
  const text = readFileSync(join(repositoryRoot, "docs/guides/scim.md"), "utf8");
  const page = text.replaceAll("http://127.0.0.1:3000", rig.url);
  const blocks = (sectionsOf(page).get("See that it works") ?? []).map((block) =>
    block.language === "sh" ? { ...block, text: `TOKEN='${key}'\n${block.text}` } : block,
  );
  t.is(blocks.length, 6);
  t.deepEqual(await runBlocks(blocks, tmpdir()), []);
});
