/**
 * ops: what an operator looks at, and what may be changed of a running process. It is hosted by every process; who asks all of them is the
 * operator's own (mixins/moleculer/every-node.ts), so that no other process has to be believed that one wants it.
 *
 * Promise: a level that was set for some minutes ends by itself, and each change is a line in the log.
 */
import type { ServiceSchema } from "moleculer";
import { healthAction } from "../../mixins/health.ts";
import { setLogLevel } from "../../mixins/log/logging.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import type { Config } from "../config/index.ts";
import type { LogLevel, NodeLogLevel } from "../contracts/operations.ts";
import { snapshots } from "./snapshot.ts";

const minuteMs = 60_000;

/** The level of this process's log; `end` forgets the time limit. */
function levelOf({ log, now }: Platform, configured: LogLevel) {
  const own = log.child({ service: "ops" });
  let timer: NodeJS.Timeout | undefined;
  let until: Date | undefined;
  const end = (): void => {
    clearTimeout(timer);
    until = undefined;
  };
  const change = (level: LogLevel, tell: Record<string, unknown>): void => {
    const from = log.level;
    // At a level of its own: from `error` to `fatal` nobody would read of it.
    setLogLevel(log, "info");
    own.warn({ from, level, ...tell }, "log level changed");
    setLogLevel(log, level);
  };
  return {
    end,
    shown: (): NodeLogLevel => ({ level: log.level as LogLevel, until: until?.toISOString() ?? null }),
    set(level: LogLevel, minutes: number | undefined): void {
      end();
      change(level, { minutes });
      if (minutes === undefined || level === configured) return;
      until = new Date(now().getTime() + minutes * minuteMs);
      timer = setTimeout(() => {
        until = undefined;
        change(configured, { reason: "its time is over" });
      }, minutes * minuteMs).unref();
    },
  };
}

export default function opsService(platform: Platform, config: Pick<Config, "logLevel">): ServiceSchema {
  const level = levelOf(platform, config.logLevel);
  const snapshot = snapshots(platform.now);
  return {
    name: "ops",
    mixins: [healthAction({})],
    actions: actionsOf("ops", {
      "log-level"({ params }) {
        if (params.level !== undefined) level.set(params.level, params.minutes);
        return level.shown();
      },
      status: ({ broker }) => snapshot(broker),
    }),
    stopped: level.end,
  };
}
