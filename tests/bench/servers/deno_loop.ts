// The loop of most tutorials: Deno.serve, Deno.upgradeWebSocket, and send() to each other client of
// the room.
const rooms = new Map<string, Set<WebSocket>>();

Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(port),
}, (request) => {
  if (request.headers.get("upgrade") !== "websocket") {
    return new Response("This address needs a WebSocket client", { status: 426 });
  }
  const name = new URL(request.url).searchParams.get("room") ?? "lobby";
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room);
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onopen = () => room.add(socket);
  socket.onclose = () => room.delete(socket);
  socket.onmessage = ({ data }) => {
    for (const other of room) {
      if (other !== socket && other.readyState === WebSocket.OPEN) other.send(data);
    }
  };
  return response;
});
