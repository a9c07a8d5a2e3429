"use strict";
// The server sends the board anew when it has changed; without a connection the page stays as it is.
const board = document.getElementById("board");
const connection = document.getElementById("connection");
const source = new EventSource("/live");
source.addEventListener("board", (event) => {
  board.innerHTML = event.data;
});
source.onopen = () => { connection.textContent = "live"; };
source.onerror = () => { connection.textContent = "connection lost, trying again"; };
