// The loop of most tutorials: Deno.serve, Deno.upgradeWebSocket, and send() to each other client.
const sockets = new Set<WebSocket>();

Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(port),
}, (request) => {
  if (request.headers.get("upgrade") !== "websocket") {
    return new Response("This address needs a WebSocket client", { status: 426 });
  }
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onopen = () => sockets.add(socket);
  socket.onclose = () => sockets.delete(socket);
  socket.onmessage = ({ data }) => {
    for (const other of sockets) {
      if (other !== socket && other.readyState === WebSocket.OPEN) other.send(data);
    }
  };
  return response;
});
