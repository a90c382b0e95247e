// A room of Socket.IO's: what is posted to /tell goes to everybody who is connected. `node server.mjs PORT`.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    io.to("room").emit("message", body);
    response.writeHead(201, { "content-length": 0 }).end();
  });
});
const io = new Server(http, { transports: ["websocket"], serveClient: false });
io.on("connection", (socket) => socket.join("room"));
http.listen(Number(process.argv[2]), "127.0.0.1");
