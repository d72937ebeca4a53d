/** What attackers get from the direct engine. `N` stands for the size of the attack. */
export const DIRECT: Readonly<Record<string, string>> = {
  "slow head": "N × 408",
  "slow body": "N × 408",
  "half-open handshakes": "N × 408",
  "oversize head": "N × 431",
  "oversize body with Content-Length": "N × 413",
  "oversize body in chunks": "N × 413",
  "oversize message": "N × close 1009",
  "oversize fragmented message": "N × close 1009",
  "oversize control frame": "N × close 1002",
  "ping flood, reads pongs": "N × open",
  "ping flood, reads nothing": "N × open",
  "fragments of one byte": "N × close 1009",
  "empty fragments": "N × open",
  "pipelining, reads responses": "N × 200",
  "pipelining, reads nothing": "1 × open",
  "reconnect storm": "N × 101",
  "fast member in a room of its own": "1 × close 1000",
  "fast member in the bystanders' room": "1 × close 1000",
  "new rooms by joining": "N × 101",
  "new rooms by publishing": "N × 201",
  "admin token guessing": "N × 401",
  "member token guessing": "N × 401",
  "member token guessing by renewing": "1 × close 1000",
};

/** The serve engine has no deadline for heads, and checks a message when all of it has arrived. */
export const SERVE: Readonly<Record<string, string>> = {
  ...DIRECT,
  "slow head": "N × open",
  "half-open handshakes": "N × open",
  "oversize head": "N × 400",
  "oversize message": "1 × open",
  "oversize fragmented message": "1 × open",
  "oversize control frame": "N × closed",
  "fragments of one byte": "N × open",
};
