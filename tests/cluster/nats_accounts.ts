import {
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  type KeyPair,
} from "@nats-io/jwt";

/** An operator with one account that may use JetStream, and its users. */
export class NatsAccounts {
  readonly #account: KeyPair;
  /** The lines of the configuration of nats-server. */
  readonly conf: string;

  private constructor(account: KeyPair, conf: string) {
    this.#account = account;
    this.conf = conf;
  }

  static async create(): Promise<NatsAccounts> {
    const operator = createOperator();
    const [account, system] = [createAccount(), createAccount()];
    const unlimited = [
      "mem_storage",
      "disk_storage",
      "streams",
      "consumer",
      "conn",
      "subs",
      "data",
    ];
    const limits = Object.fromEntries([...unlimited, "payload"].map((name) => [name, -1]));
    const claims = { limits: { ...limits, wildcards: true } };
    const options = { signer: operator };
    const systemKey = system.getPublicKey();
    const operatorJwt = await encodeOperator("O", operator, { system_account: systemKey });
    // deno-lint-ignore no-explicit-any -- the type demands limits that NATS does not
    const accountJwt = await encodeAccount("A", account, claims as any, options);
    const systemJwt = await encodeAccount("SYS", system, {}, options);
    const conf = `
      operator: ${operatorJwt}
      resolver: MEMORY
      resolver_preload: { ${account.getPublicKey()}: ${accountJwt}, ${systemKey}: ${systemJwt} }
    `;
    return new NatsAccounts(account, conf);
  }

  /** Returns the text of a credentials file of a new user. */
  async user(): Promise<string> {
    return await credentials(this.#account);
  }

  /** Returns the text of a credentials file of a user whose account the server does not know. */
  async stranger(): Promise<string> {
    return await credentials(createAccount());
  }
}

async function credentials(account: KeyPair): Promise<string> {
  const user = createUser();
  return new TextDecoder().decode(fmtCreds(await encodeUser("ann", user, account, {}), user));
}
