/** What a command of the REPL says when an action refuses its parameters. */
import test from "ava";
import { ServiceBroker } from "moleculer";
import { params, SchemaValidator } from "../../mixins/moleculer/validation.ts";
import { type Command, customCommand } from "../../services/commands/repl/command.ts";
import { actions } from "../../services/contracts/actions.ts";

const broker = new ServiceBroker({ logger: false, validator: new SchemaValidator() });
broker.createService({
  name: "outbox",
  actions: { status: { params: params(actions["outbox.status"].params), handler: () => null } },
});
test.before(() => broker.start());
test.after.always(() => broker.stop());

test("a parameter that is refused is told by its name and in words", async (t) => {
  const command: Command = {
    name: "outbox",
    description: "tells",
    usage: ["outbox"],
    run: async (desk) => JSON.stringify(await desk.call("outbox.status", { limit: 1_000 })),
  };
  const printed: string[] = [];
  const helpers = { table: () => "", getBorderCharacters: () => ({}) };
  await customCommand(command, (text) => printed.push(text)).action(
    broker,
    { words: [], options: {} },
    helpers,
  );
  t.deepEqual(printed, ["✗ The request has invalid fields\n  limit must be at most 100"]);
});
