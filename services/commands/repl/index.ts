/** The commands that mailroster adds to Moleculer's REPL. */
import { type CustomCommand, customCommand } from "./command.ts";
import { deadLetters } from "./dead-letters.ts";
import { fault, logLevel } from "./operations.ts";
import { outbox, trace } from "./outbox.ts";
import { reconcile } from "./reconcile.ts";
import { address, users } from "./users.ts";

const commands = [users, address, trace, deadLetters, outbox, reconcile, fault, logLevel];

export const customCommands = (print: (text: string) => void): CustomCommand[] =>
  commands.map((command) => customCommand(command, print));
