import type { ServerConfig } from "./config.ts";
import { type AdminToken, readAdminToken } from "./security/admin_token.ts";
import { readTlsFiles, type TlsFiles } from "./security/tls_files.ts";

/** The content of the files that the configuration names and that must stay secret. */
export interface SecretFiles {
  readonly tls: TlsFiles | undefined;
  readonly adminToken: AdminToken | undefined;
}

/**
 * Reads and checks the files.
 *
 * @throws {TlsFileError}
 * @throws {AdminTokenError}
 */
export async function readSecretFiles(config: ServerConfig): Promise<SecretFiles> {
  return {
    tls: await readTlsFiles(config),
    adminToken: await readAdminToken(config.adminTokenFile),
  };
}
