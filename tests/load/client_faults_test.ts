import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { clientFaults, countFaults } from "../../lib/load/client_faults.ts";
import { CLIENT_FLAGS } from "../../lib/load/config.ts";

function faultsOf(...args: string[]): readonly string[] {
  const { config, sources, faults } = parseFlags(CLIENT_FLAGS, { args });
  assertEquals(faults, []);
  return [...clientFaults(config, sources), ...countFaults(config)];
}

for (
  const args of [
    [],
    ["--interval=1s", "--every=fixed", "--seed=1", "--quiet"],
    ["--rate=5", "--expect=lost=0", "--report=r.html", "--slow=2", "--senders=7", "--workers=9"],
    ["--verify", "--interval=1s", "--hdr=h", "--strict"],
    ["--find-max=lost=0", "--duration=1s", "--rate=10"],
    ["--stage=10s:100", "--stage=0:50", "--abort=p99>2s,lost>0", "--expect=lost=0"],
    ["--stage=10s:100", "--rate=5", "--warmup=2s"],
    ["--message="],
    ["--rooms=3"],
    ["--rate=5", "--check=order", "--expect=misordered=0"],
    ["--rate=5", "--storm=50%@10s"],
    ["--rate=5", "--check=history"],
    ["--rate=5", "--storm=50%@9s", "--duration=10s", "--protocol=chorus.v1"],
    ["--rate=5", "--rooms=9", "--skew=zipf"],
    ["--rate=5", "--save=s", "--baseline=s", "--expect=p99<=1.1x"],
    ["--rate=5", "--sse=3", "--slow=3", "--senders=3"],
    ["--rate=5", "--sse=6", "--slow=3", "--senders=6", "--publish=http"],
    ["--stage=1s:5", "--rooms=9", "--skew=zipf"],
  ]
) {
  Deno.test(`clientFaults() accepts ${args.join(" ") || "no flags"}`, () => {
    assertEquals(faultsOf(...args), []);
  });
}

for (
  const [args, ...faults] of [
    [
      ["--strict", "--churn=1"],
      "--churn needs --rate, --stage, --verify, or",
      "--strict needs --rate",
    ],
    [["--rate=5", "--interval=1s"], "--interval has no effect with --rate"],
    [["--rate=5", "--no-reconnect"], "--reconnect has no effect in a measured run"],
    [["--abort=lost>0"], "--abort needs --rate, --stage, --verify, or --find-max: add one of"],
    [["--stage=1s:5", "--duration=1s"], "--duration has no effect with --stage: remove it"],
    [["--stage=1s:5", "--every=fixed"], "--every has no effect with --rate, --stage, or --find"],
    [["--stage=1s:5", "--warmup=1s"], "has no effect with --stage and without --rate: add --rate"],
    [["--stage=1s:0", "--stage=0:5"], "Cannot start because --stage asks for no message"],
    [
      ["--stage=1s:5", "--find-max=lost=0", "--abort=lost>0", "--duration=1s"],
      "--stage has no effect with --find-max: remove it",
      "--abort has no effect with --find-max: remove it",
    ],
    [["--server-metrics=http://a/m"], "--server-metrics needs --rate, --stage, --verify, or"],
    [
      ["--find-max=lost=0", "--server-metrics=http://a/m"],
      "--server-metrics has no effect with --find-max",
    ],
    [["--find-max=lost=0", "--hdr=h"], "--hdr has no effect with --find-max"],
    [["--check=order"], "--check needs --rate, --stage, --verify, or"],
    [["--rate=5", "--expect=missed=0"], "missed in --expect needs --storm: add it"],
    [["--rate=5", "--slow=100%"], "0 senders, 0 users with --sse, and 9 slow readers of 9"],
    [
      ["--rate=5", "--senders=9", "--slow=1"],
      "9 senders, 0 users with --sse, and 1 slow readers of 9",
    ],
    [["--rate=5", "--senders=10"], "10 senders, 0 users with --sse, and 0 slow readers of"],
    [["--rate=5", "--sse=80%", "--senders=3"], "3 senders, 7 users with --sse, and 0 slow"],
    [["--rate=5", "--sse=9"], "0 senders, 9 users with --sse, and 0 slow readers of 9 users"],
    [["--rate=5", "--sse=9", "--slow=1", "--publish=http"], "8 senders, 9 users with --sse, and 1"],
    [["--rate=5", "--senders=10", "--publish=http"], "the larger one of --senders and --sse must"],
    [
      ["--rate=5", "--sse=100%", "--publish=http", "--protocol=a"],
      "--protocol has no effect if no user has a WebSocket: remove it",
    ],
    [["--publish=http"], "--publish needs --rate, --stage, --verify"],
    [["--sse=1"], "--sse needs --rate, --stage, --verify"],
    [["--rooms=10"], "--rooms must be at most --count: 10 rooms, 9 users"],
    [["--users=f", "--count=3"], "--count has no effect with --users: remove it"],
    [["--rate=5", "--skew=zipf"], "--skew needs --rooms or --users: add one of them"],
    [["--verify", "--rooms=2", "--skew=zipf"], "--skew needs --rate, --stage, or --find-max: add"],
    [["--find-max=lost=0", "--save=s"], "--save has no effect with --find-max"],
    [["--find-max=lost=0", "--baseline=b"], "--baseline has no effect with --find-max"],
    [["--save=s", "--baseline=b"], "--save needs --rate", "--baseline needs --rate"],
    [["--rate=5", "--hdr=f", "--save=f"], '--hdr and --save must differ: both were "f"'],
    [
      ["--rate=5", "--report=./f", "--save=f"],
      '--report and --save must differ: "./f" and "f" are one file',
    ],
    [["--rate=5", "--hdr=f", "--baseline=f"], '--hdr and --baseline must differ: both were "f"'],
    [
      ["--rate=5", "--protocol=chorus.v1", '--message={"type":"say"}'],
      "--protocol chorus.v1 makes a `say` of --message: give only its text",
    ],
    [["--check=history"], "--check needs --rate, --stage, --verify, or --find-max"],
    [["--storm=50%@1s"], "--storm needs --rate, --stage, --verify, or --find-max"],
    [["--rate=5", "--storm=5@1s", "--churn=1"], "--storm excludes --churn: remove one of them"],
    [["--rate=5", "--storm=5@9s", "--duration=9s"], "--storm must come before the end of the run"],
    [
      ["--rate=5", "--sse=100%", "--publish=http", "--storm=50%@1s"],
      "Cannot start because --storm has no effect if every user receives server-sent events or " +
      "reads slowly: remove it",
    ],
    [["--rate=5", "--sse=7", "--slow=2", "--publish=http", "--storm=5@1s"], "--storm has no ef"],
    [["--find-max=lost=0", "--storm=5@9s"], "--storm has no effect with --find-max: remove it"],
    [["--rate=5", "--workers=10"], "--workers must be at most --count: 10 workers, 9 users"],
  ] as const
) {
  Deno.test(`clientFaults() reports ${args.join(" ")}`, () => {
    const found = faultsOf(...args);
    assertEquals(found.length, faults.length);
    faults.forEach((fault, at) => assertStringIncludes(found[at]!, fault));
  });
}

for (
  const [flag, mustBe] of [
    ["--slow=101%", "--slow must be a number or a percentage of users"],
    ["--slow=-1", "--slow must be"],
    ["--slow=10%:3KB/s", "optionally a rate: 5%:3KiB/s: --slow was"],
    ["--storm=50%", "--storm must be a number or a percentage of users, and a time, such as"],
    ["--storm=101%@1s", "--storm must be"],
    ["--storm=0@1s", "--storm must be"],
    ["--check=ordr", "--check must be order or history"],
    ["--sse=some", "--sse must be a number or a percentage of users, such as 20 or 5%"],
    ["--find-max=lost=0,p99", "--find-max must be gates separated by commas"],
    ["--expect=p99<5", "--expect must be a metric, a comparison, and a limit"],
    ["--stage=30:1000", "--stage must be a duration, a colon, and a rate up to 1000000"],
    ["--abort=lost>0,p99>5", "--abort must be a metric, a comparison, and a limit"],
    ["--server-metrics=ws://a/m", "--server-metrics must be a URL such as http://"],
    ["--server-metrics=http://a:b@c/", "--server-metrics must be a URL such as http://"],
    ["--local-address=localhost", "--local-address must be an IP address of this machine"],
    ["--token=", "--token is empty"],
    ["--room=", "--room is empty"],
    ["--report", "--report has no value"],
  ]
) {
  Deno.test(`CLIENT_FLAGS reject ${flag}`, () => {
    const { faults } = parseFlags(CLIENT_FLAGS, { args: [flag!] });
    assertEquals(faults.length, 1);
    assertStringIncludes(faults[0]!, mustBe!);
  });
}
