import type { Logger } from "@logtape/logtape";
import { errorMessage } from "../cli/error_message.ts";
import type { App } from "./app.ts";
import {
  readTlsFiles,
  type TlsFiles,
  type TlsPaths,
  validityWarning,
} from "./security/tls_files.ts";

/**
 * Reads the certificate and its key again and uses them for new connections. If they cannot be
 * used, the old ones stay in use. Logs what it did.
 */
export async function reloadTls(
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

/** Logs a warning if the certificate has expired or is not valid yet. */
export function warnOfValidity(tls: TlsFiles, paths: TlsPaths, logger: Logger): void {
  const warning = validityWarning(tls, paths, Date.now());
  if (warning !== undefined) logger.warning("{warning}", { warning });
}
