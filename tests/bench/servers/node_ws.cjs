// The broadcast example in the README of ws, with rooms:
// https://github.com/websockets/ws#server-broadcast
const { WebSocket, WebSocketServer } = require("ws");

const rooms = new Map();

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket, request) => {
  const { searchParams } = new URL(request.url, "http://127.0.0.1");
  const name = searchParams.get("room") ?? "lobby";
  if (!rooms.has(name)) rooms.set(name, new Set());
  const room = rooms.get(name);
  room.add(socket);
  socket.on("close", () => room.delete(socket));
  socket.on("error", console.error);
  socket.on("message", (data, isBinary) => {
    for (const client of room) {
      if (client !== socket && client.readyState === WebSocket.OPEN) {
        client.send(data, { binary: isBinary });
      }
    }
  });
});
server.on("listening", () => console.log(server.address().port));
