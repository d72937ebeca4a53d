import { getLogger } from "@logtape/logtape";
import { EXIT_CODE } from "./lib/cli/exit_code.ts";
import { parseFlags } from "./lib/cli/flags/flags.ts";
import { configText, helpText } from "./lib/cli/flags/help.ts";
import { configureLogging, errorOutput } from "./lib/cli/logging.ts";
import { onHangupSignal, onStopSignal } from "./lib/cli/stop_signal.ts";
import type { TextQueue } from "./lib/cli/text_queue.ts";
import { versionText } from "./lib/cli/version.ts";
import { type App, startApp } from "./lib/server/app.ts";
import { bannerText } from "./lib/server/banner.ts";
import { configFaults, SERVER_FLAGS, type ServerConfig } from "./lib/server/config.ts";
import { readTlsFiles, type TlsFiles } from "./lib/server/security/tls_files.ts";
import { acceptFailure, startFailure } from "./lib/server/start_failure.ts";
import { reloadTls, warnOfValidity } from "./lib/server/tls_reload.ts";

/** Time to print the last lines if nothing reads them. */
const FLUSH_TIMEOUT_MS = 1000;

const { config, sources, ...parsed } = parseFlags(SERVER_FLAGS, {
  args: Deno.args,
  env: (name) => Deno.env.get(name),
});
const faults = [...parsed.faults, ...configFaults(config)];

if (config.help) {
  console.log(helpText(SERVER_FLAGS, {
    summary:
      "Chorus, a broadcast chat server: each message goes to every other client in its room.",
    usage: "deno task server [flags]",
    hasEnvironment: true,
  }));
} else if (config.version) {
  console.log(versionText());
} else if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  Deno.exit(EXIT_CODE.usage);
} else if (config.checkConfig) {
  console.log(configText(SERVER_FLAGS, config, sources));
} else {
  const output = await configureLogging(config);
  const exitCode = await serve(config, output);
  await output.flush(FLUSH_TIMEOUT_MS);
  Deno.exit(exitCode);
}

async function serve(config: ServerConfig, output: TextQueue): Promise<number> {
  const logger = getLogger("chorus");
  let app: App;
  let tls: TlsFiles | undefined;
  try {
    tls = await readTlsFiles(config);
    app = await startApp(config, { logger, tls, output });
  } catch (error) {
    const errors = errorOutput();
    errors.push(`${startFailure(error)}\n`);
    await errors.flush(FLUSH_TIMEOUT_MS);
    return EXIT_CODE.failure;
  }
  const stop = Promise.withResolvers<void>();
  const stopNow = () => Deno.exit(EXIT_CODE.interrupted);
  const stopOnce = onStopSignal({ stop: stop.resolve, stopNow });
  // One at a time, so that the files read last are the ones in use.
  let reloaded = Promise.resolve();
  onHangupSignal(() => {
    if (tls) reloaded = reloaded.then(() => reloadTls(app, config, logger));
    else stopOnce();
  });
  if (config.logFormat === "text") output.push(`${bannerText(app.url, Deno.execPath())}\n`);
  else logger.info("Listening on {url}", { url: app.url.href });
  if (tls) warnOfValidity(tls, config, logger);

  const failure = await Promise.race([stop.promise, app.failed]);
  if (failure) logger.error(acceptFailure(failure));
  logger.info("Stopping: closing {connectionCount} connections", {
    connectionCount: app.connectionCount,
  });
  await app.drain();
  logger.info("Stopped");
  return failure ? EXIT_CODE.failure : EXIT_CODE.ok;
}
