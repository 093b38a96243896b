// Gives a worker thread the two objects of Electron's utility process that the core's entry knows.
const { parentPort, workerData } = require('node:worker_threads');

const asMain = (port) => ({
  on: (event, listener) => port.on(event, event === 'message' ? (data) => listener({ data }) : listener),
  postMessage: (message) => port.postMessage(message),
  start: () => port.start(),
});

process.parentPort = {
  on: (event, listener) => parentPort.on(event, ({ data, ports }) => listener({ data, ports: ports.map(asMain) })),
  postMessage: (message) => parentPort.postMessage(message),
};
process.argv[2] = workerData.launch;
require(workerData.entry);
