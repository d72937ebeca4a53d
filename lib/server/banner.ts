/**
 * What the server prints when it listens: where, what to open and what to run next. `execPath` is Deno's own: a user who
 * runs Deno through npx needs its long name for the next command too.
 */
export function bannerText(url: URL, execPath: string): string {
  const deno = /[\\/]_npx[\\/]/.test(execPath) ? `npx -y deno@${Deno.version.deno}` : "deno";
  const target = url.host === "127.0.0.1:8000" ? "" : ` --url ws://${url.host}/ws`;
  return `Chorus is listening on ${url}

  Talk in a browser    ${url}
  Simulate nine users  ${deno} task client --count 9${target}
  Stop                 Ctrl-C
`;
}
