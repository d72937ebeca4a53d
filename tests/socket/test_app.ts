import { assert } from "@std/assert";
import { SOCKETS_NOTICE } from "../../lib/websocket/transport/tcp_transport.ts";
import { areTcpHandlesHidden } from "../websocket/transport/hidden_handles.ts";
import { configure, getLogger, type LogRecord, reset } from "@logtape/logtape";
import { type App, type AppOptions, startApp } from "../../lib/server/app.ts";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { SERVER_FLAGS, type ServerConfig } from "../../lib/server/config.ts";

/** Both WebSocket engines. Clients must not see a difference between them. */
export const ENGINES = SERVER_FLAGS.engine.choices;

/** A server in this process, on a free port. */
export interface TestApp extends AsyncDisposable {
  readonly app: App;
  readonly port: number;
  readonly url: string;
  /**
   * Waits for a log record whose template starts with this text. Each record is returned once, also
   * those logged before the call.
   */
  logged(template: string): Promise<LogRecord>;
}

/** Starts a server with the default configuration and these overrides. */
export async function startTestApp(
  overrides: Partial<ServerConfig> = {},
  options: Partial<AppOptions> = {},
): Promise<TestApp> {
  const { config: defaults } = parseFlags(SERVER_FLAGS, { args: ["--port", "0"] });
  const config = { ...defaults, ...overrides };
  const records: LogRecord[] = [];
  const waiting: { template: string; resolve: (record: LogRecord) => void }[] = [];
  await configure({
    reset: true,
    sinks: {
      test: (record) => {
        const index = waiting.findIndex(({ template }) => matches(record, template));
        if (index < 0) records.push(record);
        else waiting.splice(index, 1)[0]!.resolve(record);
      },
    },
    loggers: [
      { category: "test", lowestLevel: config.logLevel, sinks: ["test"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["test"] },
    ],
  });
  const app = await startApp(config, {
    logger: getLogger("test"),
    tls: undefined,
    ...options,
  });
  // Otherwise the tests would silently run on the fallback.
  const hasFallenBack = records.some((record) => matches(record, SOCKETS_NOTICE));
  assert(!hasFallenBack || areTcpHandlesHidden());
  return {
    app,
    port: Number(app.url.port),
    url: new URL("ws", app.url).href.replace("http", "ws"),
    logged: (template) => {
      const index = records.findIndex((record) => matches(record, template));
      if (index >= 0) return Promise.resolve(records.splice(index, 1)[0]!);
      return new Promise((resolve) => waiting.push({ template, resolve }));
    },
    [Symbol.asyncDispose]: async () => {
      await app.drain();
      await reset();
    },
  };
}

function matches({ rawMessage }: LogRecord, template: string): boolean {
  return String(rawMessage).startsWith(template);
}
