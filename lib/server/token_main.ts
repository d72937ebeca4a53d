import { EXIT_CODE } from "../cli/exit_code.ts";
import { parseFlags } from "../cli/flags/flags.ts";
import { helpText } from "../cli/flags/help.ts";
import { printLine } from "../cli/print_line.ts";
import { versionText } from "../cli/version.ts";
import { claimsOf, TOKEN_FLAGS, tokenFaults } from "./flags/token_flags.ts";
import { signToken } from "./security/tokens/sign_token.ts";
import { TokenKeyError } from "./security/tokens/token_keys.ts";

const { config, ...parsed } = parseFlags(TOKEN_FLAGS, { args: Deno.args });
const faults = [...parsed.faults, ...tokenFaults(config)];

if (config.help) {
  console.log(helpText(TOKEN_FLAGS, {
    summary: "Prints a token for trying out a server that runs with --token-secret-file.",
    usage: "deno task token --token-secret-file FILE --sub USER [flags]",
    hasEnvironment: false,
  }));
} else if (config.version) {
  console.log(versionText());
} else if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  Deno.exit(EXIT_CODE.usage);
} else {
  try {
    printLine(await signToken(config.tokenSecretFile, claimsOf(config, Date.now())));
  } catch (error) {
    if (!(error instanceof TokenKeyError)) throw error;
    console.error(error.message);
    Deno.exit(EXIT_CODE.failure);
  }
}
