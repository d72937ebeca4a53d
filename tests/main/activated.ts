import { freePort } from "../free_port.ts";
import { isMissing } from "../missing_program.ts";
import { RawPeer } from "../socket/raw_peer.ts";
import { Program } from "./program.ts";

const ACTIVATE_PATH = "/usr/bin/systemd-socket-activate";

/** Whether to skip tests with sockets of systemd. */
export const isSystemdMissing = await isMissing({ path: ACTIVATE_PATH, debianPackage: "systemd" });

/** A program that listens on a socket of systemd. */
export interface Activated extends AsyncDisposable {
  readonly program: Program;
  readonly port: number;
  /** The connection that has started it. */
  readonly first: RawPeer;
}

/**
 * Lets systemd listen, connects, and runs a script in bash, as the service of a `.socket` unit. The
 * script and its children have the socket as file descriptor 3.
 */
export async function activate(script: string): Promise<Activated> {
  const port = freePort();
  const denoDir = Deno.env.get("DENO_DIR");
  const variables = ["NO_COLOR=1", ...denoDir === undefined ? [] : [`DENO_DIR=${denoDir}`]];
  const program = Program.startWith(ACTIVATE_PATH, [
    ...variables.map((variable) => `--setenv=${variable}`),
    `--listen=127.0.0.1:${port}`,
    ...["bash", "-c", script],
  ]);
  try {
    await program.stderrLine(/Listening on/);
    const first = await RawPeer.connect(port);
    const dispose = () => {
      first[Symbol.dispose]();
      return program[Symbol.asyncDispose]();
    };
    return { program, port, first, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}
