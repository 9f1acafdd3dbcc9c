/** The commands that mailroster adds to Moleculer's REPL. */
import { type CustomCommand, customCommand } from "./command.ts";
import { deadLettersCommand } from "./dead-letters.ts";
import { faultCommand, logLevelCommand } from "./operations.ts";
import { outboxCommand, traceCommand } from "./outbox.ts";
import { reconcileCommand } from "./reconcile.ts";
import { addressCommand, usersCommand } from "./users.ts";

const commands = [
  usersCommand,
  addressCommand,
  traceCommand,
  deadLettersCommand,
  outboxCommand,
  reconcileCommand,
  faultCommand,
  logLevelCommand,
];

export const customCommands = (print: (text: string) => void): CustomCommand[] =>
  commands.map((command) => customCommand(command, print));
