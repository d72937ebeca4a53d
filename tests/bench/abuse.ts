// `deno task bench:abuse`: attacks a server while a room talks in it, and prints a table. See
// abuse.md.
import denoJson from "../../deno.json" with { type: "json" };
import type { LatencySummary } from "../../lib/load/measure/latency.ts";
import { AttackProcess } from "../abuse/attack_process.ts";
import { ATTACKS, SECRET } from "../abuse/attacks.ts";
import { Bystanders, BYSTANDERS_ROOM } from "../abuse/bystanders.ts";
import { type Contender, type Running, start } from "./contenders.ts";
import { usageOf } from "./process_tree.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Latencies before an attack are of this time, after a warm-up of as long. */
const BEFORE_MS = 2000;

/** An attack ends after this time at the latest. */
const ATTACK_MS = 8000;

/** When memory is read after an attack. */
const AFTER_MS = 4000;

/** How often memory is read during an attack. */
const SAMPLE_MS = 50;

/** The server runs on the first core, attackers and bystanders on the second. */
const SERVER_CORE = ["taskset", "-c", "0"];

/** Bystanders go first, so that their latency is that of the server. */
const ATTACKER_CORE = ["nice", "-n", "19", "taskset", "-c", "1"];

/** The name of the row that shows what an attacker costs the bystanders on the same core. */
const CONTROL = "none: a busy loop on the attackers' core";

/** Flags of the server that help against an attack. */
const OPTIONS: readonly (readonly [attack: string, ...flags: string[]])[] = [
  ["reconnect storm", "--handshake-rate", "50/s"],
  ["fast member in the bystanders' room", "--message-rate", "100/s"],
  ["new rooms by joining", "--handshake-rate", "50/s"],
  ["new rooms by publishing", "--publish-rate", "50/s"],
  ["member token guessing by renewing", "--handshake-rate", "50/s"],
];

interface Case {
  readonly name: string;
  readonly flags: readonly string[];
}

const CASES: readonly Case[] = [CONTROL, ...ATTACKS.map(({ name }) => name)].flatMap((name) => [
  { name, flags: [] },
  ...OPTIONS.filter(([attack]) => attack === name).map(([, ...flags]) => ({ name, flags })),
]);

/** Reads the memory of a process until it is stopped. */
class MemorySampler {
  readonly #pid: number;
  readonly #beforeMb: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #peakMb = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#beforeMb = this.#read();
    this.#timer = setInterval(() => this.#read(), SAMPLE_MS);
  }

  stop() {
    clearInterval(this.#timer);
    const afterMb = this.#read();
    return { beforeMb: this.#beforeMb, peakMb: this.#peakMb, afterMb };
  }

  #read(): number {
    const mb = usageOf(this.#pid).residentKb / 1024;
    this.#peakMb = Math.max(this.#peakMb, mb);
    return mb;
  }
}

const [only = ""] = Deno.args;
await pinToSecondCore();
const secretFile = await Deno.makeTempFile();
await Deno.writeTextFile(secretFile, SECRET, { mode: 0o600 });
try {
  console.log(
    "| Attack | What it got | p99 before, ms | p99 during | max during | Noticed | " +
      "MiB before | peak | after |\n| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
  );
  for (const each of CASES.filter(({ name }) => name.includes(only))) {
    console.log(await measure(each));
  }
} finally {
  await Deno.remove(secretFile);
}

/** Runs an attack against a new server. @returns A row of the table. */
async function measure({ name, flags }: Case): Promise<string> {
  await using server = await start(chorus(flags), SERVER_CORE);
  using bystanders = await Bystanders.join(server.port);
  bystanders.start();
  await pause(BEFORE_MS);
  bystanders.takeLatency();
  await pause(BEFORE_MS);
  const before = bystanders.takeLatency();
  const filesBefore = await openFiles(server);
  const memory = new MemorySampler(server.pid);
  const got = await attack(name, server.port);
  await bystanders.catchUp();
  const during = bystanders.takeLatency();
  await pause(AFTER_MS);
  await bystanders.settle();
  const { beforeMb, peakMb, afterMb } = memory.stop();
  const leaked = await openFiles(server) - filesBefore;
  const noticed = bystanders.faults.length === 0
    ? "nothing"
    : `${bystanders.faults[0]} (${bystanders.faults.length} times)`;
  const cells = [
    flags.length === 0 ? name : `the same, with \`${flags.join(" ")}\``,
    leaked > 0 ? `${got}; ${leaked} files left open` : got,
    ...[before?.p99, during?.p99, during?.max].map(millis),
    noticed,
    ...[beforeMb, peakMb, afterMb].map((mb) => mb.toFixed(0)),
  ];
  return `| ${cells.join(" | ")} |`;
}

function millis(value: LatencySummary["p99"] | undefined): string {
  return value === undefined ? "–" : value.toFixed(1);
}

/** The command of the server's task, with these flags. */
function chorus(flags: readonly string[]): Contender {
  const task = denoJson.tasks.server.command.replaceAll("'", "").split(" ");
  const common = ["--port", "0", "--log-level", "error", "--anonymous", "publish"];
  const secrets = ["--token-secret-file", secretFile, "--admin-token-file", secretFile];
  const command = [Deno.execPath(), ...task.slice(1, -1), `${ROOT}server.ts`];
  return { name: "Chorus", command: [...command, ...common, ...secrets, ...flags] };
}

async function attack(name: string, port: number): Promise<string> {
  if (name === CONTROL) return await spin();
  await using attacker = new AttackProcess(ATTACKER_CORE);
  const size = ATTACKS.find((each) => each.name === name)!.fullSize;
  const signal = AbortSignal.timeout(ATTACK_MS);
  return await attacker.run(name, { port, room: BYSTANDERS_ROOM }, { size, paceMs: 1000, signal });
}

/** Keeps the core of the attackers busy. */
async function spin(): Promise<string> {
  const [command, ...args] = [...ATTACKER_CORE, Deno.execPath(), "eval", "for (;;);"];
  const child = new Deno.Command(command!, { args }).spawn();
  await pause(ATTACK_MS / 2);
  child.kill("SIGKILL");
  await child.status;
  return "–";
}

async function openFiles({ pid }: Running): Promise<number> {
  const { stdout } = await new Deno.Command("ls", { args: [`/proc/${pid}/fd`] }).output();
  return new TextDecoder().decode(stdout).split("\n").length;
}

async function pinToSecondCore(): Promise<void> {
  const args = ["-a", "-c", "-p", "1", String(Deno.pid)];
  const { success } = await new Deno.Command("taskset", { args, stdout: "null" }).output();
  if (!success) throw new Error("Cannot use the second core: this needs taskset and two cores");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
