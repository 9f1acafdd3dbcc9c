/** How a part is started in the sandbox of its role: on Deno by its task, on Node as the image does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, type StartOptions } from "./processes.ts";

export type Environment = Readonly<Record<string, string>>;
/** How a script is started in a sandbox. */
export type Start = (script: string) => Pick<StartOptions, "command" | "env">;

const main = "services/runtime/main.ts";
const { tasks } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8")) as {
  tasks: Record<string, { command: string }>;
};

/** As the task does: variables, then the command, whose last word is the script. */
export function task(name: string): Start {
  const words = (tasks[name]?.command ?? "").split(" ");
  const variables = words.filter((word) => /^[A-Z_]+=/.test(word)).map((word) => word.split("="));
  const command = words.slice(variables.length, -1);
  return (script) => ({
    command: [command[0] ?? "", ...command.slice(1), script],
    env: Object.fromEntries(variables) as Environment,
  });
}

/** As the image does, whose folder is /app; it hosts any part. */
export function image(services: string): Start {
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8").replaceAll("\\\n", " ");
  const options = /^ENV NODE_OPTIONS="(.*--permission.*)"$/m.exec(dockerfile)?.[1] ?? "";
  return (script) => ({
    command: [process.execPath, script],
    env: { SERVICES: services, NODE_OPTIONS: options.replaceAll("/app/", `${root.replace(/\/$/, "")}/`) },
  });
}

/** As `deno task NAME` does. */
export const taskStart = (name: string): ReturnType<Start> => task(name)(main);
