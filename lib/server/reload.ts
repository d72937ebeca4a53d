import type { Logger } from "@logtape/logtape";
import { errorMessage } from "../cli/error_message.ts";
import type { App } from "./app.ts";
import type { ServerConfig } from "./config.ts";
import {
  readTlsFiles,
  type TlsFiles,
  type TlsPaths,
  validityWarning,
} from "./security/tls_files.ts";

/** The flags that name files which are read again. */
type ReloadedFiles = TlsPaths & Pick<ServerConfig, "tokenSecretFile" | "tokenJwks">;

/** Whether the server has files that SIGHUP reads again. */
export function canReload({ tlsCert, tokenSecretFile, tokenJwks }: ReloadedFiles): boolean {
  return [tlsCert, tokenSecretFile, tokenJwks].some((each) => each !== "");
}

/**
 * Returns a function that reads again what may change while the server runs: the certificate, and
 * the keys that verify tokens. What cannot be used is logged, and the old one stays in use.
 */
export function reloaderOf(
  app: Pick<App, "useTls" | "reloadTokenKeys">,
  files: ReloadedFiles,
  logger: Logger,
): () => void {
  // One at a time, so that the files read last are the ones in use.
  let reloaded = Promise.resolve();
  return () => {
    reloaded = reloaded.then(() => reloadTls(app, files, logger))
      .then(() => reloadTokenKeys(app, logger));
  };
}

async function reloadTls(
  app: Pick<App, "useTls">,
  paths: TlsPaths,
  logger: Logger,
): Promise<void> {
  try {
    const tls = await readTlsFiles(paths);
    if (!tls) return;
    if (!app.useTls(tls)) {
      logger.warning("The old certificate stays in use: --engine serve needs a restart");
      return;
    }
    logger.info("New connections use the certificate in {file}", { file: paths.tlsCert });
    warnOfValidity(tls, paths, logger);
  } catch (error) {
    logger.error("The old certificate stays in use: {error}", { error: errorMessage(error) });
  }
}

async function reloadTokenKeys(app: Pick<App, "reloadTokenKeys">, logger: Logger): Promise<void> {
  try {
    if (await app.reloadTokenKeys()) logger.info("The keys that verify tokens were read again");
  } catch (error) {
    logger.error("The old keys stay in use: {error}", { error: errorMessage(error) });
  }
}

/** Logs a warning if the certificate has expired or is not valid yet. */
export function warnOfValidity(tls: TlsFiles, paths: TlsPaths, logger: Logger): void {
  const warning = validityWarning(tls, paths, Date.now());
  if (warning !== undefined) logger.warning("{warning}", { warning });
}
