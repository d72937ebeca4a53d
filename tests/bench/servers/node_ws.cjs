// The broadcast example in the README of ws: https://github.com/websockets/ws#server-broadcast
const { WebSocket, WebSocketServer } = require("ws");

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket) => {
  socket.on("error", console.error);
  socket.on("message", (data, isBinary) => {
    for (const client of server.clients) {
      if (client !== socket && client.readyState === WebSocket.OPEN) {
        client.send(data, { binary: isBinary });
      }
    }
  });
});
server.on("listening", () => console.log(server.address().port));
