import { getLogger } from "@logtape/logtape";
import { EXIT_CODE } from "./lib/cli/exit_code.ts";
import { parseConfiguration } from "./lib/cli/flags/configuration.ts";
import { configureLogging, errorOutput } from "./lib/cli/logging.ts";
import { onHangupSignal, onStopSignal } from "./lib/cli/stop_signal.ts";
import type { TextQueue } from "./lib/cli/text_queue.ts";
import { type App, startApp } from "./lib/server/app.ts";
import { bannerText } from "./lib/server/banner.ts";
import { commandText } from "./lib/server/commands.ts";
import { configFaults, SERVER_FLAGS, type ServerConfig } from "./lib/server/config.ts";
import { findOpenableFiles } from "./lib/server/open_files.ts";
import { canReload, reloaderOf, warnOfValidity } from "./lib/server/reload.ts";
import { readSecretFiles, type SecretFiles } from "./lib/server/secret_files.ts";
import { startFailure } from "./lib/server/start_failure.ts";

/** Time to print the last lines if nothing reads them. */
const FLUSH_TIMEOUT_MS = 1000;

const parsed = parseConfiguration(SERVER_FLAGS, {
  args: Deno.args,
  env: (name) => Deno.env.get(name),
  readTextFile: Deno.readTextFileSync,
  findFaults: configFaults,
});
const { config, faults } = parsed;
const text = commandText(parsed);

if (text !== undefined) {
  console.log(text);
} else if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  Deno.exit(EXIT_CODE.usage);
} else {
  const output = await configureLogging(config);
  const exitCode = await serve(config, output);
  await output.flush(FLUSH_TIMEOUT_MS);
  Deno.exit(exitCode);
}

async function serve(config: ServerConfig, output: TextQueue): Promise<number> {
  const logger = getLogger("chorus");
  const stopping = Promise.withResolvers<void>();
  const starting = new AbortController();
  const stop = () => {
    starting.abort();
    stopping.resolve();
  };
  const stopOnce = onStopSignal({ stop, stopNow: () => Deno.exit(EXIT_CODE.interrupted) });
  // While the server starts, there is nothing to reload.
  let reload = () => {};
  onHangupSignal(() => canReload(config) ? reload() : stopOnce());
  let app: App;
  let files: SecretFiles;
  try {
    files = await readSecretFiles(config);
    const openableFiles = findOpenableFiles(config);
    const { signal } = starting;
    app = await startApp(config, { logger, output, openableFiles, signal, ...files });
  } catch (error) {
    if (starting.signal.aborted) return EXIT_CODE.ok;
    const errors = errorOutput();
    errors.push(`${startFailure(error)}\n`);
    await errors.flush(FLUSH_TIMEOUT_MS);
    return EXIT_CODE.failure;
  }
  reload = reloaderOf(app, config, logger);
  if (config.logFormat === "text") output.push(`${bannerText(app.url, Deno.execPath())}\n`);
  else logger.info("Listening on {url}", { url: app.url.href });
  if (files.tls) warnOfValidity(files.tls, config, logger);

  await stopping.promise;
  logger.info("Stopping (connections: {connectionCount})", {
    connectionCount: app.chat.size,
  });
  await app.drain();
  logger.info("Stopped");
  return EXIT_CODE.ok;
}
