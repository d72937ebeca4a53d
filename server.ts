import { getLogger } from "@logtape/logtape";
import { EXIT_CODE } from "./lib/cli/exit_code.ts";
import { parseFlags } from "./lib/cli/flags.ts";
import { configText, helpText } from "./lib/cli/help.ts";
import { configureLogging } from "./lib/cli/logging.ts";
import { onStopSignal } from "./lib/cli/stop_signal.ts";
import { versionText } from "./lib/cli/version.ts";
import { type App, startApp } from "./lib/server/app.ts";
import { bannerText } from "./lib/server/banner.ts";
import { configFaults, SERVER_FLAGS, type ServerConfig } from "./lib/server/config.ts";
import { readTlsFiles } from "./lib/server/security/tls_files.ts";
import { acceptFailure, startFailure } from "./lib/server/start_failure.ts";

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
  Deno.exit(await serve(config));
}

async function serve(config: ServerConfig): Promise<number> {
  await configureLogging(config);
  const logger = getLogger("chorus");
  let app: App;
  try {
    app = await startApp(config, { logger, tls: await readTlsFiles(config) });
  } catch (error) {
    console.error(startFailure(error, config));
    return EXIT_CODE.failure;
  }
  if (config.logFormat === "text") console.log(bannerText(app.url, Deno.execPath()));
  else logger.info("Listening on {url}", { url: app.url.href });

  const stop = Promise.withResolvers<void>();
  onStopSignal({ stop: stop.resolve, stopNow: () => Deno.exit(EXIT_CODE.interrupted) });
  const failure = await Promise.race([stop.promise, app.failed]);
  if (failure) logger.error(acceptFailure(failure));
  logger.info("Stopping: closing {connectionCount} connections", {
    connectionCount: app.connectionCount,
  });
  await app.drain();
  logger.info("Stopped");
  return failure ? EXIT_CODE.failure : EXIT_CODE.ok;
}
