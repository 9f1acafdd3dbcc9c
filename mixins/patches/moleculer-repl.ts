/**
 * Moleculer's REPL, mended where it does not hold up: on Deno every command crashed (`eval` was called without
 * `this`), piped commands ran beside each other, and the end of the input killed the process while they still ran.
 */
import nodeRepl, { type REPLServer, type ReplOptions } from "node:repl";
import type { ServiceBroker } from "moleculer";

type Evaluate = NonNullable<ReplOptions["eval"]>;

/** Opens the prompt on stdin; `leave` runs once, after the last command has been answered. */
export function openTerminal(broker: ServiceBroker, leave: () => void): void {
  const start = nodeRepl.start;
  let lastCommand: Promise<void> = Promise.resolve();
  const mended = (options: ReplOptions): REPLServer => {
    const evaluate = options.eval as Evaluate;
    const inTurn: Evaluate = (command, context, file, callback) => {
      lastCommand = lastCommand.then(
        () =>
          new Promise((resolve) => {
            evaluate.call(server, command, context, file, (error, result) => {
              callback(error, result);
              resolve();
            });
          }),
      );
    };
    const server = start({ ...options, eval: inTurn, ignoreUndefined: true });
    const on = server.on.bind(server);
    // Moleculer's listener stops the broker and exits at once; ours does that in order.
    server.on = ((event: string, listener: (...args: unknown[]) => void) =>
      event === "exit"
        ? server
        : on(event as "reset", listener as () => void)) as unknown as REPLServer["on"];
    on("exit", () => void lastCommand.then(leave));
    return server;
  };
  nodeRepl.start = mended as typeof nodeRepl.start;
  try {
    broker.repl();
  } finally {
    nodeRepl.start = start;
  }
}
