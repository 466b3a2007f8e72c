// Run by privileges.test.ts: becomes a user, gives up the rest; prints what it could do, and what its threads were, after each.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { becomeUser, capabilities, dropAll, Rtnetlink, SilentSocket } from "../../dist/src/linux/index.js";

if (isMainThread) await main();
else parentPort.postMessage(capabilities());

async function main() {
  const report = { user: becomeUser(process.argv[2]), after: await state() };
  dropAll();
  report.dropped = await state();
  console.log(JSON.stringify(report));
}

async function state() {
  return {
    capabilities: capabilities(),
    threads: readdirSync("/proc/self/task").map((task) => statusOf(`/proc/self/task/${task}/status`, task)),
    worker: await inWorker(),
    child: parseStatus(execFileSync("cat", ["/proc/self/status"], { encoding: "utf8" })),
    errors: { rawSocket: attempt(openRawSocket), resolve: attempt(resolve), shadow: attempt(readShadow) },
  };
}

function statusOf(path, task) {
  return { main: Number(task) === process.pid, ...parseStatus(readFileSync(path, "utf8")) };
}

function parseStatus(text) {
  const field = (name) =>
    new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(text)[1].replaceAll("\t", " ");
  const names = [
    "Name",
    "Uid",
    "Gid",
    "Groups",
    "CapPrm",
    "CapEff",
    "CapInh",
    "CapAmb",
    "CapBnd",
    "NoNewPrivs",
  ];
  return Object.fromEntries(names.map((name) => [name, field(name)]));
}

async function inWorker() {
  const worker = new Worker(new URL(import.meta.url));
  const ended = once(worker, "exit");
  const [said] = await once(worker, "message");
  await ended;
  return said;
}

function attempt(act) {
  try {
    act();
    return "";
  } catch (error) {
    return error.code;
  }
}

function openRawSocket() {
  SilentSocket.forProtocol({ family: 4, bytes: Uint8Array.of(127, 0, 0, 1) }, 47).close();
}

function resolve() {
  const rtnetlink = Rtnetlink.open();
  try {
    rtnetlink.resolve(rtnetlink.link("lo").index, { family: 4, bytes: Uint8Array.of(127, 0, 0, 9) });
  } finally {
    rtnetlink.close();
  }
}

function readShadow() {
  readFileSync("/etc/shadow");
}
